#include "topology/ring_check.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <vector>

namespace rigsim::topology {

bool has_ring(std::span<const std::uint32_t> neighbours) {
  const std::size_t n = neighbours.size();
  if (n < 2 || n > kMostInRing) return false;
  const std::uint32_t all = (1U << n) - 1;
  // Of each set of nodes with node 0: where a path through all of it, from node 0 on, may end.
  std::vector<std::uint32_t> ends(std::size_t{1} << n);
  ends[1] = 1;
  for (std::uint32_t set = 1; set <= all; set += 2)
    for (std::uint32_t left = ends[set]; left != 0; left &= left - 1) {
      const std::uint32_t next = neighbours[static_cast<std::size_t>(std::countr_zero(left))];
      for (std::uint32_t on = next & all & ~set; on != 0; on &= on - 1)
        ends[set | (on & -on)] |= on & -on;
    }
  return (ends[all] & neighbours[0]) != 0;
}

}  // namespace rigsim::topology
