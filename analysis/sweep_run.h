#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "analysis/sweep_file_reader.h"
#include "analysis/sweep_file_writer.h"
#include "analysis/sweep_point.h"

namespace rigsim::analysis {

/// What became of a sweep.
struct SweepSummary {
  std::uint64_t points = 0;  ///< that have a result
  std::uint64_t reused = 0;  ///< of them, from earlier runs
  std::map<PointStatus, std::uint64_t> by_status{};
  std::uint64_t dropped = 0;  ///< earlier points that the plan does not have
  bool stopped = false;       ///< before all points ended

  [[nodiscard]] std::uint64_t with(PointStatus status) const {
    const auto found = by_status.find(status);
    return found == by_status.end() ? 0 : found->second;
  }
};

struct SweepHooks {
  /// Asked before each point, on any thread, and while requests are served; none: never stops.
  std::function<bool()> stop{};
  /// Sees each point in the plan's order, one after another but on any thread.
  std::function<void(const SweepPoint&)> in_order{};
};

/// How many threads work where `threads` are asked for; 0: all that there are.
[[nodiscard]] int threads_used(int threads);

/// Works out the plan's points on threads_used(`threads`) threads; what `earlier` has is
/// taken from there. `file` (or null) gets all points; it is not finished. The number of threads
/// changes nothing but the time. What can be wrong with a point is its result; throws what the file
/// throws.
[[nodiscard]] SweepSummary run_sweep(const SweepFacts& facts, const EarlierPoints& earlier,
                                     SweepFileWriter* file, int threads, const SweepHooks& hooks);

/// Seconds that a point takes on one thread: the mean of some, evenly over the plan.
[[nodiscard]] double seconds_per_point(const SweepFacts& facts);

}  // namespace rigsim::analysis
