#pragma once

#include <cmath>
#include <cstdint>

#include "workloads/serving/batch_state.h"

namespace rigsim::workloads {

/// Blocks that admission leaves free: `share` of all, rounded down (vLLM V0's block manager).
[[nodiscard]] inline std::int64_t watermark_blocks(const BatchState& state, double share) {
  return static_cast<std::int64_t>(
      std::floor(share * static_cast<double>(state.limits().kv_blocks)));
}

}  // namespace rigsim::workloads
