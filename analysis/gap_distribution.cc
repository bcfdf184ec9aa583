#include "analysis/gap_distribution.h"

#include <algorithm>
#include <cmath>

namespace rigsim::analysis {

using workloads::Ticks;

std::int64_t GapDistribution::Run::at_most(Ticks ticks) const {
  if (first > ticks) return 0;
  if (slope == 0 || last() <= ticks) return gaps;
  return static_cast<std::int64_t>((ticks - first) / slope) + 1;
}

void GapDistribution::add(const workloads::GapRun& run) {
  const bool falls = run.slope < 0;
  Run kept{falls ? run.first + run.slope * (run.gaps - 1) : run.first,
           static_cast<std::int64_t>(falls ? -run.slope : run.slope), run.gaps, run.sequences};
  if (kept.gaps == 1) kept.slope = 0;
  count_ += run.gaps * run.sequences;
  sum_ += workloads::series(run.first, run.slope, run.gaps) * run.sequences;
  if (!runs_.empty() && kept.slope == 0) {
    Run& before = runs_.back();
    if (before.slope == 0 && before.first == kept.first && before.gaps == kept.gaps) {
      before.sequences += kept.sequences;
      return;
    }
  }
  runs_.push_back(kept);
}

double GapDistribution::mean_s() const {
  return count_ > 0 ? workloads::to_seconds(sum_) / static_cast<double>(count_) : 0.0;
}

/// The gap with `rank` others that sort before it. Every pass over the runs that are still of
/// interest halves the range in which it lies and drops those that lie beside it.
Ticks GapDistribution::order_statistic(std::int64_t rank) const {
  std::vector<Run> left = runs_;
  Ticks low = left.front().first;
  Ticks high = low;
  for (const Run& run : left) {
    low = std::min(low, run.first);
    high = std::max(high, run.last());
  }
  std::int64_t below = 0;  // gaps of dropped runs, all shorter
  while (low < high) {
    const Ticks middle = low + (high - low) / 2;
    std::int64_t count = below;
    for (const Run& run : left) count += run.at_most(middle) * run.sequences;
    if (count > rank) {
      high = middle;
    } else {
      low = middle + 1;
    }
    std::erase_if(left, [&](const Run& run) {
      const bool shorter = run.last() < low;
      if (shorter) below += run.gaps * run.sequences;
      return shorter || run.first > high;
    });
  }
  return low;
}

std::vector<double> GapDistribution::quantiles_s(const std::vector<double>& q) const {
  std::vector<double> result;
  for (const double each : q) {
    if (count_ == 0) {
      result.push_back(0);
      continue;
    }
    const double position = each * static_cast<double>(count_ - 1);
    const auto rank = static_cast<std::int64_t>(std::floor(position));
    const double fraction = position - static_cast<double>(rank);
    const double low = workloads::to_seconds(order_statistic(rank));
    const double high = fraction > 0 ? workloads::to_seconds(order_statistic(rank + 1)) : low;
    result.push_back(low + fraction * (high - low));
  }
  return result;
}

}  // namespace rigsim::analysis
