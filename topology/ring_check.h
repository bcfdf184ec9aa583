#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rigsim::topology {

/// The most nodes that has_ring() looks at.
inline constexpr std::size_t kMostInRing = 16;

/// Whether a ring over direct links passes each node once (a Hamiltonian cycle; of two nodes, their
/// link). Bit j of `neighbours[i]`: a link joins i and j. Over subsets, after Held and Karp (J.
/// SIAM 10(1), 1962): O(2^n n^2). False for fewer than two nodes and more than kMostInRing.
[[nodiscard]] bool has_ring(std::span<const std::uint32_t> neighbours);

}  // namespace rigsim::topology
