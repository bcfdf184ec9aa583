#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/ids.h"

namespace rigsim::workloads {

/// What the host has launched on one device stream, in order: the stream holds only so many
/// launches of kernels that have not finished.
class LaunchQueue {
 public:
  /// `op`, a kernel of `launches` device launches, is the next.
  void add(int launches, sim::OpId op);

  /// The kernel that must have finished before `launches` more fit a queue of `depth`; none where
  /// they fit at once, or where depth is 0 (not modelled). A kernel that alone exceeds the queue
  /// waits until that is empty.
  [[nodiscard]] std::optional<sim::OpId> blocker(int launches, int depth) const;

 private:
  struct Launched {
    std::int64_t total;  // launches up to and including this op
    sim::OpId op;
  };
  std::vector<Launched> launched_;
};

}  // namespace rigsim::workloads
