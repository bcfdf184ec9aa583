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

/// can_swap_in: its full blocks and one for the next token leave the watermark free. A step takes
/// it beside `scheduled` others.
bool VllmV0Policy::may_swap_in(const BatchState& state, std::int64_t scheduled) const {
  return scheduled < state.limits().step_tokens &&
         state.may_swap_in(watermark_blocks(state, batching_.watermark));
}

/// _schedule_swapped.
void VllmV0Policy::plan_swapped(BatchState& state, StepPlan& plan) const {
  while (may_swap_in(state, plan.rows())) {
    const Slot slot = state.swap_in(plan);
    state.grow(slot, state.at(slot).computed + 1);
    state.schedule_decode(slot, plan);
  }
}

/// While any sequence is swapped out no prompt comes in, and while any has to go none comes back.
void VllmV0Policy::plan(BatchState& state, StepPlan& plan) {
  if (state.swapped().empty()) plan_prompts(state, plan);
  if (!plan.empty()) return;
  const auto mode = batching_.swap ? PreemptionMode::kSwap : PreemptionMode::kRecompute;
  if (!decode_or_preempt(state, plan, mode)) plan_swapped(state, plan);
  // A sequence that was alone and preempted itself: the engine's next turn comes at once.
  if (plan.empty() && state.swapped().empty()) plan_prompts(state, plan);
}

std::int64_t VllmV0Policy::repeats(const BatchState& state, std::int64_t most) const {
  const auto rows = static_cast<std::int64_t>(state.running().size());
  const bool changes = state.swapped().empty() ? admissible(state, state.limits().step_tokens)
                                               : may_swap_in(state, rows);
  return changes ? 0 : most;
}

/// A sequence that is computed anew comes back as one prompt, which has to fit one step.
bool VllmV0Policy::can_run(const BatchState& state, const Sequence& sequence) const {
  const std::int64_t longest = sequence.prompt + (batching_.swap ? 0 : sequence.output - 1);
  return holds(state, sequence, watermark_blocks(state, batching_.watermark)) &&
         longest <= state.limits().step_tokens;
}

}  // namespace rigsim::workloads
