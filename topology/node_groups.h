#pragma once

#include <cstddef>
#include <numeric>
#include <vector>

namespace rigsim::topology {

/// Groups of nodes that are joined, edge by edge (union-find with path halving).
class NodeGroups {
 public:
  explicit NodeGroups(std::size_t nodes) : parent_(nodes) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }

  /// The group's number: that of one of its nodes.
  [[nodiscard]] std::size_t of(std::size_t node) {
    while (parent_[node] != node) node = parent_[node] = parent_[parent_[node]];
    return node;
  }

  /// Joins the groups of both; false when they were one group already.
  bool join(std::size_t a, std::size_t b) {
    const std::size_t group_a = of(a);
    const std::size_t group_b = of(b);
    parent_[group_b] = group_a;
    return group_a != group_b;
  }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace rigsim::topology
