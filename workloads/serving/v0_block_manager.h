#pragma once

#include <cstdint>

#include "workloads/serving/batch_state.h"

namespace rigsim::workloads {

/// Rules of vLLM V0's block manager, which Sarathi-Serve took over.

/// Blocks that admission leaves free: `share` of all, rounded down.
[[nodiscard]] std::int64_t watermark_blocks(const BatchState& state, double share);

/// A sequence decodes only while a block is free, whether it needs one or not (can_append_slots).
inline constexpr std::int64_t kFreeToDecode = 1;

/// How a sequence loses its blocks.
enum class PreemptionMode : std::uint8_t {
  kRecompute,  ///< waits in front, to be computed anew
  kSwap        ///< they move to host memory
};

/// One token for each decoding sequence, in the order of admission. Where no block is free the
/// newest sequence behind is preempted, at last the one itself. Whether any was.
bool decode_or_preempt(BatchState& state, StepPlan& plan,
                       PreemptionMode mode = PreemptionMode::kRecompute);

}  // namespace rigsim::workloads
