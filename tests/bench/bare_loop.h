#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/op_graph.h"

namespace rigsim::bench {

/// The least a program can do to run an op graph of Exclusive ops: a 4-ary heap of ends, counters
/// of unmet dependencies, a queue per resource. It keeps no times, no order among equal times, no
/// path, and watches nothing.
class BareLoop {
 public:
  explicit BareLoop(const sim::OpGraph& graph);

  /// When the last op finishes, in picoseconds from 0.
  std::int64_t run(const std::vector<std::int64_t>& cost);

 private:
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  struct End {
    std::int64_t time;
    std::uint32_t op;
  };

  void push(End end);
  End pop();
  void make_ready(std::uint32_t op, std::int64_t now, const std::vector<std::int64_t>& cost);

  std::vector<std::uint32_t> first_;
  std::vector<std::uint32_t> successors_;
  std::vector<std::uint32_t> in_degree_;
  std::vector<std::uint32_t> resource_;
  std::size_t resources_;
  // A run's own.
  std::vector<End> heap_;
  std::vector<std::uint32_t> unmet_;
  std::vector<std::uint32_t> next_;
  std::vector<std::uint32_t> head_;
  std::vector<std::uint32_t> tail_;
  std::vector<std::uint8_t> busy_;
};

}  // namespace rigsim::bench
