#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/units.h"

namespace rigsim::topology {

/// A step in which every rank passes shares of the data on to the rank `distance` away.
struct Exchange {
  std::uint32_t distance = 0;
  std::uint32_t shares = 0;
};

/// `size` in `parts`, rounded up: a share is of whole bytes, and all are of the same size.
[[nodiscard]] sim::Bytes share_of(sim::Bytes size, std::size_t parts);

/// The exponent of the least power of two that is not below `n` (n > 0).
[[nodiscard]] std::uint32_t ceil_log2(std::size_t n);

/// Bruck's all-gather: near ranks first; the shares sum to ranks - 1.
[[nodiscard]] std::vector<Exchange> bruck_steps(std::uint32_t ranks);

/// PAT's all-gather: far ranks first, at most `limit` shares in a message.
[[nodiscard]] std::vector<Exchange> pat_steps(std::uint32_t ranks, std::uint32_t limit);

/// Bruck's all-to-all: the numbers below `ranks` that have the bit of the distance.
[[nodiscard]] std::vector<Exchange> bruck_all_to_all_steps(std::uint32_t ranks);

}  // namespace rigsim::topology
