#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "workloads/serving/serving_record.h"

namespace rigsim::analysis {

/// The times between tokens of all sequences, kept as runs in arithmetic progression: a thousand
/// steps of a batch of a hundred are one entry. Mean and percentiles are those of the single gaps.
class GapDistribution {
 public:
  void add(const workloads::GapRun& run);

  /// Single gaps.
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::size_t runs() const { return runs_.size(); }
  /// Seconds; 0 of none.
  [[nodiscard]] double mean_s() const;
  /// Seconds at each of `q` (increasing, in [0, 1]), as quantile() has them: between the two order
  /// statistics around q (count - 1), linear. 0 of none.
  [[nodiscard]] std::vector<double> quantiles_s(const std::vector<double>& q) const;

 private:
  /// Terms rise: a run that falls is kept from its end.
  struct Run {
    workloads::Ticks first = 0;  ///< 64 bits hold 140 s, and a preempted sequence may wait longer
    std::int64_t slope = 0;
    std::int64_t gaps = 1;
    std::int64_t sequences = 1;

    [[nodiscard]] workloads::Ticks last() const {
      return first + static_cast<workloads::Ticks>(slope) * (gaps - 1);
    }
    /// Gaps of one sequence that are no longer than `ticks`.
    [[nodiscard]] std::int64_t at_most(workloads::Ticks ticks) const;
  };

  [[nodiscard]] workloads::Ticks order_statistic(std::int64_t rank) const;

  std::vector<Run> runs_;
  std::int64_t count_ = 0;
  workloads::Wide sum_ = 0;
};

}  // namespace rigsim::analysis
