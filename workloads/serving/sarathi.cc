#include "workloads/serving/sarathi.h"

#include <algorithm>

namespace rigsim::workloads {

/// All of the prompt's blocks, beside the watermark.
bool SarathiPolicy::admissible(const BatchState& state) const {
  if (!state.next_may_run()) return false;
  const Slot next = state.waiting().front();
  return state.fits(state.cached(next), state.at(next).target,
                    watermark_blocks(state, batching_.watermark));
}

void SarathiPolicy::plan_partial(BatchState& state, StepPlan& plan, std::int64_t& budget) {
  for (std::size_t i = 0; i < state.running().size() && budget > 0; ++i) {
    const Slot slot = state.running()[i];
    const Sequence& sequence = state.at(slot);
    if (sequence.decoding()) continue;
    const std::int64_t tokens = std::min(sequence.target - sequence.computed, budget);
    state.schedule_chunk(slot, tokens, plan);
    budget -= tokens;
  }
}

void SarathiPolicy::plan(BatchState& state, StepPlan& plan) {
  decode_or_preempt(state, plan);
  std::int64_t budget = state.limits().step_tokens - static_cast<std::int64_t>(plan.decode.size());
  plan_partial(state, plan, budget);
  while (budget > 0 && admissible(state)) {
    const Slot slot = state.admit(state.cached(state.waiting().front()));
    const Sequence& sequence = state.at(slot);
    const std::int64_t tokens = std::min(sequence.target - sequence.computed, budget);
    state.grow(slot, sequence.target);
    state.schedule_chunk(slot, tokens, plan);
    budget -= tokens;
  }
}

std::int64_t SarathiPolicy::repeats(const BatchState& state, std::int64_t most) const {
  const auto rows = static_cast<std::int64_t>(state.running().size());
  return rows < state.limits().step_tokens && admissible(state) ? 0 : most;
}

bool SarathiPolicy::can_run(const BatchState& state, const Sequence& sequence) const {
  return holds(state, sequence, watermark_blocks(state, batching_.watermark));
}

}  // namespace rigsim::workloads
