#pragma once

#include <span>
#include <vector>

namespace rigsim::analysis {

/// The q-quantile by linear interpolation between order statistics: position q (n - 1), as numpy's
/// default (Hyndman and Fan, The American Statistician 50(4), 1996, type 7).
/// Throws std::invalid_argument for no values, one that is no number, or q outside [0, 1].
[[nodiscard]] double quantile(std::span<const double> values, double q);
/// The same of values that are sorted: at least one, numbers all, q in [0, 1].
[[nodiscard]] double quantile_of_sorted(std::span<const double> sorted, double q);

/// One prediction against its measurement.
struct ErrorSample {
  double error = 0;          ///< predicted / measured - 1
  bool inside_band = false;  ///< the measured value lies in the printed band
  double half_width = 0;     ///< of the printed band, relative to the prediction
};

struct ErrorStatistics {
  int count = 0;
  double median = 0;             ///< of |error|
  double p90 = 0;                ///< of |error|
  double worst = 0;              ///< of |error|
  double bias = 0;               ///< median of the signed error
  double band_coverage = 0;      ///< share of samples inside their band
  double median_half_width = 0;  ///< of the bands
};

/// Throws std::invalid_argument for no samples or an error that is no number.
[[nodiscard]] ErrorStatistics summarise(std::span<const ErrorSample> samples);

}  // namespace rigsim::analysis
