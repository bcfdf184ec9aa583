#include "analysis/error_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rigsim::analysis {

double quantile(std::span<const double> values, double q) {
  if (values.empty()) throw std::invalid_argument("a quantile needs at least one value");
  if (!(q >= 0 && q <= 1)) {
    throw std::invalid_argument(fmt::format("a quantile must be from 0 to 1, got {}", q));
  }
  std::vector<double> sorted(values.begin(), values.end());
  if (std::any_of(sorted.begin(), sorted.end(), [](double v) { return std::isnan(v); })) {
    throw std::invalid_argument("a quantile of values that are no numbers");
  }
  std::sort(sorted.begin(), sorted.end());
  return quantile_of_sorted(sorted, q);
}

double quantile_of_sorted(std::span<const double> sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = position - static_cast<double>(below);
  return sorted[below] + share * (sorted[above] - sorted[below]);
}

ErrorStatistics summarise(std::span<const ErrorSample> samples) {
  std::vector<double> signed_errors;
  std::vector<double> errors;
  std::vector<double> widths;
  int inside = 0;
  for (const ErrorSample& sample : samples) {
    signed_errors.push_back(sample.error);
    errors.push_back(std::abs(sample.error));
    widths.push_back(sample.half_width);
    inside += sample.inside_band ? 1 : 0;
  }
  return {.count = static_cast<int>(samples.size()),
          .median = quantile(errors, 0.5),
          .p90 = quantile(errors, 0.9),
          .worst = quantile(errors, 1),
          .bias = quantile(signed_errors, 0.5),
          .band_coverage = static_cast<double>(inside) / static_cast<double>(samples.size()),
          .median_half_width = quantile(widths, 0.5)};
}

}  // namespace rigsim::analysis
