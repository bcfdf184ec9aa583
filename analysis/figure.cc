#include "analysis/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace rigsim::analysis {

double Figure::relative_half_width() const {
  return value == 0 ? 0 : (high - low) / 2 / std::abs(value);
}

Figure with_band(double value, double half_width, workloads::Evidence evidence, std::string unit) {
  if (!std::isfinite(half_width) || half_width < 0) {
    throw std::invalid_argument(
        fmt::format("an error band must be finite and >= 0, got {}", half_width));
  }
  return {value, std::max(0.0, value * (1 - half_width)), value * (1 + half_width), evidence,
          std::move(unit)};
}

double half_width_of(const workloads::ErrorBand& band, workloads::Evidence evidence) {
  switch (evidence) {
    case workloads::Evidence::kMeasured:
      return band.measured;
    case workloads::Evidence::kFitted:
      return band.fitted;
    case workloads::Evidence::kDatasheet:
      return band.datasheet;
  }
  throw std::logic_error("unknown evidence");
}

nlohmann::ordered_json figure_json(const Figure& figure) {
  return {{"value", figure.value},
          {"low", figure.low},
          {"high", figure.high},
          {"evidence", to_string(figure.evidence)}};
}

}  // namespace rigsim::analysis
