#include "workloads/serving/vllm_v0.h"

namespace rigsim::workloads {

/// The whole prompt has to fit what is left of the step, and its blocks leave the watermark free;
/// those that are cached count like the others (BlockSpaceManager.can_allocate).
bool VllmV0Policy::admissible(const BatchState& state, std::int64_t budget) const {
  if (!state.next_may_run()) return false;
  const Slot next = state.waiting().front();
  const std::int64_t target = state.at(next).target;
  return target - state.cached(next).blocks * state.limits().kv_block_tokens <= budget &&
         state.fits({}, target, watermark_blocks(state, batching_.watermark));
}

void VllmV0Policy::plan_prompts(BatchState& state, StepPlan& plan) const {
  std::int64_t budget = state.limits().step_tokens;
  while (admissible(state, budget)) {
    const Slot slot = state.admit(state.cached(state.waiting().front()));
    const Sequence& sequence = state.at(slot);
    const std::int64_t tokens = sequence.target - sequence.computed;
    state.grow(slot, sequence.target);
    state.schedule_chunk(slot, tokens, plan);
    budget -= tokens;
  }
}

void VllmV0Policy::plan(BatchState& state, StepPlan& plan) {
  plan_prompts(state, plan);
  if (plan.empty()) decode_or_preempt(state, plan);
  // A sequence that was alone and preempted itself: the engine's next turn comes at once.
  if (plan.empty()) plan_prompts(state, plan);
}

std::int64_t VllmV0Policy::repeats(const BatchState& state, std::int64_t most) const {
  return admissible(state, state.limits().step_tokens) ? 0 : most;
}

/// A preempted sequence comes back as one prompt, which has to fit one step.
bool VllmV0Policy::can_run(const BatchState& state, const Sequence& sequence) const {
  return holds(state, sequence, watermark_blocks(state, batching_.watermark)) &&
         sequence.prompt + sequence.output - 1 <= state.limits().step_tokens;
}

}  // namespace rigsim::workloads
