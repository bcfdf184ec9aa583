#include "workloads/serving/vllm_v1.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace rigsim::workloads {

std::int64_t VllmV1Policy::chunk(std::int64_t tokens, std::int64_t budget) const {
  if (batching_.long_prefill_tokens > 0) tokens = std::min(tokens, batching_.long_prefill_tokens);
  return std::min(tokens, budget);
}

/// What a running sequence gets: the rest of its prompt, or one token and those that were drafted.
/// Drafts beyond the end of its answer are computed, too; those beyond the longest sequence not.
std::int64_t VllmV1Policy::tokens_of(const BatchState& state, const Sequence& sequence,
                                     std::int64_t budget) const {
  if (!sequence.decoding()) return chunk(sequence.target - sequence.computed, budget);
  const Speculation& speculation = state.limits().speculation;
  if (!speculation.on()) return 1;
  return std::min(chunk(1 + speculation.tokens, budget), speculation.room(sequence.computed));
}

/// The newest of the running; by priority the least urgent, of these the last to arrive.
Slot VllmV1Policy::victim(const BatchState& state) const {
  const auto& running = state.running();
  if (!batching_.by_priority) return running.back();
  return *std::ranges::max_element(running, {}, [&](Slot slot) {
    return std::pair(state.at(slot).priority, state.at(slot).request);
  });
}

/// Blocks for `tokens` more of a running sequence, others preempted for it; false where it had to
/// go itself.
bool VllmV1Policy::make_room(BatchState& state, StepPlan& plan, Slot slot,
                             std::int64_t tokens) const {
  const Speculation& speculation = state.limits().speculation;
  while (!state.grow(slot, speculation.slots(state.at(slot).computed + tokens))) {
    const Slot loser = victim(state);
    state.unschedule(loser, plan);
    state.preempt(loser, batching_.by_priority);
    if (loser == slot) return false;
  }
  return true;
}

bool VllmV1Policy::plan_running(BatchState& state, StepPlan& plan, std::int64_t& budget) const {
  const std::int64_t whole = budget;
  const auto used = [&] {
    std::int64_t tokens = static_cast<std::int64_t>(plan.decode.size()) + plan.draft_tokens;
    for (const ScheduledChunk& each : plan.chunks) tokens += each.tokens;
    return tokens;
  };
  bool preempted = false;
  for (std::size_t i = 0; i < state.running().size() && budget > 0; ++i) {
    const Slot slot = state.running()[i];
    const Sequence& sequence = state.at(slot);
    if (sequence.all_scheduled()) continue;
    const bool decodes = sequence.decoding();
    const std::int64_t tokens = tokens_of(state, sequence, budget);
    if (tokens <= 0) continue;
    const std::size_t before = state.running().size();
    const bool fits = make_room(state, plan, slot, tokens);
    if (state.running().size() < before) {
      preempted = true;
      budget = whole - used();
      if (!fits) break;
      // Sequences in front of this one may have gone (by priority): it moved up.
      i = static_cast<std::size_t>(std::ranges::find(state.running(), slot) -
                                   state.running().begin());
    }
    if (decodes) {
      state.schedule_decode(slot, plan, tokens - 1);
    } else {
      state.schedule_chunk(slot, tokens, plan);
    }
    budget -= tokens;
  }
  return preempted;
}

/// Blocks for what is computed next, or where a part is `on_host` for what is loaded.
bool VllmV1Policy::admissible(const BatchState& state, const CachedPrefix& cached,
                              std::int64_t on_host, std::int64_t budget) const {
  if (!state.next_may_run()) return false;
  const Sequence& next = state.at(state.waiting().front());
  const std::int64_t computed = (cached.blocks + on_host) * state.limits().kv_block_tokens;
  const std::int64_t first =
      on_host > 0 ? computed : computed + chunk(next.target - computed, budget);
  return state.fits(cached, batching_.reserve_prompt ? next.target : first);
}

/// Tokens of the first loaded sequence that the step takes; 0: it does not run.
std::int64_t VllmV1Policy::next_loaded(const BatchState& state, std::int64_t budget) const {
  if (state.loaded().empty() || budget <= 0 ||
      static_cast<std::int64_t>(state.running().size()) >= state.limits().max_sequences)
    return 0;
  const Sequence& next = state.at(state.loaded().front());
  const std::int64_t tokens = chunk(next.target - next.computed, budget);
  const std::int64_t missing = state.blocks_of(next.computed + tokens) - next.blocks;
  return missing <= state.pool().free() ? tokens : 0;
}

void VllmV1Policy::plan_loaded(BatchState& state, StepPlan& plan, std::int64_t& budget) const {
  while (const std::int64_t tokens = next_loaded(state, budget)) {
    const Slot slot = state.admit_loaded();
    state.grow(slot, state.at(slot).computed + tokens);
    state.schedule_chunk(slot, tokens, plan);
    budget -= tokens;
  }
}

/// What is loaded goes first; where that cannot run, nobody comes in. A sequence that finds blocks
/// on the host neither runs nor takes of the budget before they are there; one whose blocks another
/// sequence has loaded waits for these, and lets others pass.
void VllmV1Policy::plan_waiting(BatchState& state, StepPlan& plan, std::int64_t budget) const {
  plan_loaded(state, plan, budget);
  if (!state.loaded().empty()) return;
  std::vector<Slot> passed_over;
  while (!state.waiting().empty() && budget > 0) {
    const CachedPrefix cached = state.cached(state.waiting().front());
    const HostTier::Found on_host = state.on_host(cached);
    if (on_host.on_their_way) {
      passed_over.push_back(state.waiting().front());
      state.waiting_order().pop_front();
      continue;
    }
    if (!admissible(state, cached, on_host.blocks, budget)) break;
    if (on_host.blocks > 0) {
      state.load(cached, on_host.blocks);
      continue;
    }
    const Slot slot = state.admit(cached);
    const Sequence& sequence = state.at(slot);
    const std::int64_t tokens = chunk(sequence.target - sequence.computed, budget);
    state.grow(slot, sequence.computed + tokens);
    state.schedule_chunk(slot, tokens, plan);
    budget -= tokens;
  }
  state.waiting_order().insert(state.waiting_order().begin(), passed_over.begin(),
                               passed_over.end());
}

void VllmV1Policy::plan(BatchState& state, StepPlan& plan) {
  bool preempted = true;
  // Where the first one it looks at has to go itself, the engine's next turn comes at once.
  while (preempted && plan.empty()) {
    std::int64_t budget = state.limits().step_tokens;
    preempted = plan_running(state, plan, budget);
    if (preempted) continue;
    plan_waiting(state, plan, budget);
    // vLLM would hang: loaded sequences keep each other from the rest of their blocks.
    while (plan.empty() && state.running().empty() && state.loaded().size() > 1) {
      state.unload();
      plan_loaded(state, plan, budget);
    }
  }
}

std::int64_t VllmV1Policy::repeats(const BatchState& state, std::int64_t most) const {
  const std::int64_t budget =
      state.limits().step_tokens - static_cast<std::int64_t>(state.running().size());
  if (budget < 0) return 0;
  if (!state.loaded().empty()) return next_loaded(state, budget) > 0 ? 0 : most;
  if (!state.next_may_run() || budget == 0) return most;
  const CachedPrefix cached = state.cached(state.waiting().front());
  // What is found on the host may change with each step, and then what is to be had for it; the
  // next one may pass one that waits for blocks.
  if (state.host() && (!batching_.reserve_prompt || state.on_host(cached).on_their_way)) return 0;
  return admissible(state, cached, 0, budget) ? 0 : most;
}

/// Alone, a sequence needs slots for drafts beyond its last token, too; for those of two steps
/// where one is scheduled ahead.
bool VllmV1Policy::can_run(const BatchState& state, const Sequence& sequence) const {
  const Speculation& speculation = state.limits().speculation;
  if (!speculation.on()) return holds(state, sequence);
  const std::int64_t steps = state.limits().async_scheduling ? 2 : 1;
  const std::int64_t most = sequence.prompt + sequence.output - 1 + steps * speculation.tokens;
  return state.blocks_of(speculation.slots(most)) <= state.limits().kv_blocks;
}

}  // namespace rigsim::workloads
