#include "workloads/serving/vllm_v0.h"

#include "workloads/serving/watermark.h"

namespace rigsim::workloads {

/// The whole prompt has to fit what is left of the step, and its blocks leave the watermark free.
bool VllmV0Policy::admissible(const BatchState& state, std::int64_t budget) const {
  if (state.waiting().empty()) return false;
  if (static_cast<std::int64_t>(state.running().size()) >= state.limits().max_sequences)
    return false;
  const Slot next = state.waiting().front();
  const CachedPrefix cached = state.cached(next);
  const std::int64_t target = state.at(next).target;
  return target - cached.blocks * state.limits().kv_block_tokens <= budget &&
         state.fits(cached, target, watermark_blocks(state, batching_.watermark));
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

/// One token each, in the order of admission; whoever lacks a block preempts the newest.
void VllmV0Policy::plan_decode(BatchState& state, StepPlan& plan) {
  for (std::size_t i = 0; i < state.running().size(); ++i) {
    const Slot slot = state.running()[i];
    if (state.at(slot).all_scheduled()) continue;
    bool gone = false;
    while (!gone && !state.grow(slot, state.at(slot).computed + 1)) {
      const Slot loser = state.running().back();
      state.preempt(loser, false);
      gone = loser == slot;
    }
    if (gone) return;
    state.schedule_decode(slot, plan);
  }
}

void VllmV0Policy::plan(BatchState& state, StepPlan& plan) {
  plan_prompts(state, plan);
  if (plan.empty()) plan_decode(state, plan);
}

bool VllmV0Policy::repeats(const BatchState& state) const {
  return !admissible(state, state.limits().step_tokens);
}

/// A preempted sequence comes back as one prompt, which has to fit one step.
bool VllmV0Policy::can_run(const BatchState& state, const Sequence& sequence) const {
  return holds(state, sequence, watermark_blocks(state, batching_.watermark)) &&
         sequence.prompt + sequence.output - 1 <= state.limits().step_tokens;
}

}  // namespace rigsim::workloads
