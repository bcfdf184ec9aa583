#include "workloads/launch_queue.h"

#include <algorithm>

namespace rigsim::workloads {

void LaunchQueue::add(int launches, sim::OpId op) {
  const std::int64_t before = launched_.empty() ? 0 : launched_.back().total;
  launched_.push_back({before + launches, op});
}

std::optional<sim::OpId> LaunchQueue::blocker(int launches, int depth) const {
  if (depth <= 0 || launched_.empty()) return std::nullopt;
  const std::int64_t before = launched_.back().total;
  const std::int64_t must_be_done = std::min(before + launches - depth, before);
  if (must_be_done <= 0) return std::nullopt;
  return std::lower_bound(launched_.begin(), launched_.end(), must_be_done,
                          [](const Launched& l, std::int64_t total) { return l.total < total; })
      ->op;
}

}  // namespace rigsim::workloads
