#pragma once

#include <vector>

#include "sim/units.h"

namespace rigsim::analysis {

/// A stretch of simulated time, from `begin` up to `end`.
struct Interval {
  sim::Time begin{};
  sim::Time end{};

  friend bool operator==(const Interval&, const Interval&) = default;
};

/// Intervals in order, apart from each other; the times at which something was so.
using Intervals = std::vector<Interval>;

/// The union of intervals in any order; empty ones vanish.
[[nodiscard]] Intervals merged(std::vector<Interval> intervals);

/// Their total length.
[[nodiscard]] sim::Duration length(const Intervals& intervals);

/// The times that are in both.
[[nodiscard]] Intervals both(const Intervals& a, const Intervals& b);

/// The length of the times that are in `a` and not in `b`.
[[nodiscard]] sim::Duration length_without(const Intervals& a, const Intervals& b);

}  // namespace rigsim::analysis
