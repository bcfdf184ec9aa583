#pragma once

#include <cstddef>
#include <random>
#include <vector>

namespace rigsim::topology::testing {

/// A vertex of the tree, its cable to the one above, and that cable's GB/s.
struct Branch {
  std::size_t parent = 0;
  double gbps = 0;
};

/// A PCIe tree. Vertex 0 is the host, then come switches, then devices.
struct Tree {
  std::vector<Branch> branches;
  std::size_t switches = 0;
  std::size_t devices = 0;

  [[nodiscard]] std::size_t device(std::size_t i) const { return 1 + switches + i; }
};

using Random = std::mt19937;

/// From 0 to `limit` - 1.
[[nodiscard]] std::size_t below(Random& random, std::size_t limit);

/// 0 to 5 switches, 2 to 8 devices, anywhere below the host or a switch.
[[nodiscard]] Tree random_tree(Random& random);

/// From vertex to vertex, up to where both ways to the root meet, then down: 2 x vertex: up its
/// cable; + 1: down it. In any order.
[[nodiscard]] std::vector<std::size_t> way(const Tree& tree, std::size_t a, std::size_t b);

}  // namespace rigsim::topology::testing
