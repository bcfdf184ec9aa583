#include "workloads/serving/v0_block_manager.h"

#include <cmath>

namespace rigsim::workloads {

std::int64_t watermark_blocks(const BatchState& state, double share) {
  return static_cast<std::int64_t>(
      std::floor(share * static_cast<double>(state.limits().kv_blocks)));
}

bool decode_or_preempt(BatchState& state, StepPlan& plan, PreemptionMode mode) {
  bool preempted = false;
  for (std::size_t i = 0; i < state.running().size(); ++i) {
    const Slot slot = state.running()[i];
    if (!state.at(slot).decoding() || state.at(slot).all_scheduled()) continue;
    while (state.pool().free() < kFreeToDecode) {
      const Slot newest = state.running().back();
      if (mode == PreemptionMode::kSwap) {
        state.swap_out(newest, plan);
      } else {
        state.preempt(newest, false);
      }
      preempted = true;
      if (newest == slot) return true;
    }
    state.grow(slot, state.at(slot).computed + 1);
    state.schedule_decode(slot, plan);
  }
  return preempted;
}

}  // namespace rigsim::workloads
