#include "analysis/batch_curve.h"

#include <fmt/format.h>

#include <cmath>
#include <stdexcept>

namespace rigsim::analysis {

double shape_error(double predicted, double predicted_first, double measured,
                   double measured_first) {
  return (predicted / predicted_first) / (measured / measured_first) - 1;
}

std::optional<std::size_t> knee(std::span<const BatchPoint> curve) {
  constexpr double kHalf = 0.5;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const BatchPoint& point = curve[i];
    if (!(point.tokens_per_s > 0) || (i > 0 && !(point.batch > curve[i - 1].batch))) {
      throw std::invalid_argument(
          fmt::format("a curve needs batches that increase and rates above 0, got {} at batch {}",
                      point.tokens_per_s, point.batch));
    }
  }
  std::optional<std::size_t> knee;
  for (std::size_t i = curve.size(); i > 1; --i) {
    const BatchPoint& from = curve[i - 2];
    const BatchPoint& to = curve[i - 1];
    const double growth = std::log(to.tokens_per_s / from.tokens_per_s);
    if (growth >= kHalf * std::log(to.batch / from.batch)) break;
    knee = i - 2;
  }
  return knee;
}

std::size_t knee_distance(std::optional<std::size_t> a, std::optional<std::size_t> b,
                          std::size_t points) {
  const std::size_t last = points == 0 ? 0 : points - 1;
  const std::size_t from = a.value_or(last);
  const std::size_t to = b.value_or(last);
  return from > to ? from - to : to - from;
}

}  // namespace rigsim::analysis
