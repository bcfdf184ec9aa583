#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "analysis/serving_metrics.h"

namespace rigsim::analysis {

/// Level of the intervals that say what chance does.
inline constexpr double kChanceLevel = 0.95;

/// Half of Student's interval for the mean of independent `values`; none of fewer than two.
[[nodiscard]] std::optional<double> student_half_width(std::span<const double> values);

/// How many values at the front to leave out as warm-up: of batches of five the cut that makes the
/// squared standard error of what is left least (MSER-5; White, Simulation 69(6), 1997), at most
/// half of them.
[[nodiscard]] std::size_t mser5(std::span<const double> values);

/// The mean of one long run by twenty batches of it.
struct BatchMeans {
  double half_width = 0;
  double lag1 =
      0;  ///< autocorrelation of the batch means: near 0 where the interval can be trusted
};
/// None of fewer than 200 values.
[[nodiscard]] std::optional<BatchMeans> batch_means(std::span<const double> values);

/// Every number's mean over replications (of counts, the nearest whole number).
[[nodiscard]] ServingMetrics mean_of(std::span<const ServingMetrics> replications);

/// What other draws of the same traffic would give: intervals of every number. Not the cost model's
/// error, which the bands show.
struct ChanceIntervals {
  std::int64_t replications = 1;
  ServingMetrics half_width;     ///< counts mean nothing; of one run the latencies' means alone
  std::optional<double> lag1{};  ///< of one run by batches: the largest of the latencies'
};

/// Over independent replications: Student's intervals of means and of percentiles alike. None of
/// one.
[[nodiscard]] std::optional<ChanceIntervals> chance_over(
    std::span<const ServingMetrics> replications);
/// Of one run, by batches of its requests in their order; none of too few.
[[nodiscard]] std::optional<ChanceIntervals> chance_within(
    std::span<const workloads::TrafficRequest> requests,
    std::span<const workloads::RequestRecord> records);

}  // namespace rigsim::analysis
