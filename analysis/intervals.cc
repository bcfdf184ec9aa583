#include "analysis/intervals.h"

#include <algorithm>
#include <cstddef>

namespace rigsim::analysis {

Intervals merged(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  Intervals out;
  for (const Interval& next : intervals) {
    if (next.end <= next.begin) continue;
    if (!out.empty() && next.begin <= out.back().end) {
      out.back().end = std::max(out.back().end, next.end);
    } else {
      out.push_back(next);
    }
  }
  return out;
}

sim::Duration length(const Intervals& intervals) {
  sim::Duration sum{};
  for (const Interval& interval : intervals) sum += interval.end - interval.begin;
  return sum;
}

Intervals both(const Intervals& a, const Intervals& b) {
  Intervals out;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const Interval common{std::max(a[i].begin, b[j].begin), std::min(a[i].end, b[j].end)};
    if (common.begin < common.end) out.push_back(common);
    if (a[i].end < b[j].end) {
      ++i;
    } else {
      ++j;
    }
  }
  return out;
}

sim::Duration length_without(const Intervals& a, const Intervals& b) {
  return length(a) - length(both(a, b));
}

}  // namespace rigsim::analysis
