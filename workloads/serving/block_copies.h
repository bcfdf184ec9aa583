#pragma once

#include <cstdint>

#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// KV blocks of a replica that move between its devices and host memory.
struct BlockCopies {
  std::int64_t out = 0;  ///< to the host
  std::int64_t in = 0;   ///< from it

  [[nodiscard]] bool any() const { return out > 0 || in > 0; }
};

/// How long one stage's part of a block is on its way; blocks follow each other.
struct BlockCopyCost {
  Ticks out = 0;
  Ticks in = 0;

  [[nodiscard]] Ticks of(const BlockCopies& blocks) const {
    return out * blocks.out + in * blocks.in;
  }
};

}  // namespace rigsim::workloads
