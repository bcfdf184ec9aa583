#include "workloads/serving/tgi.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace rigsim::workloads {
namespace {

/// Tokens whose places in the cache a sequence reserves: the last one is not computed.
std::int64_t reserved(const Sequence& sequence) { return sequence.prompt + sequence.output - 1; }

/// max_batch_total_tokens: what the cache holds, with the block that is kept for health checks.
std::int64_t total_tokens(const BatchState& state) {
  return (state.limits().kv_blocks + 1) * state.limits().kv_block_tokens;
}

/// max_batch_prefill_tokens, to the next block.
std::int64_t prompt_tokens(const BatchState& state) {
  return state.blocks_of(state.limits().step_tokens) * state.limits().kv_block_tokens;
}

}  // namespace

/// In queue.rs a prompt counts in full, cached or not; where one does not find its blocks in the
/// end, those in front of it are taken (and the ones behind are lost, which is not followed here).
std::size_t TgiPolicy::next_batch(const BatchState& state, std::size_t at_least) const {
  const auto& waiting = state.waiting();
  const auto places =
      state.limits().max_sequences - static_cast<std::int64_t>(state.running().size());
  std::int64_t budget = total_tokens(state);
  for (const Slot slot : state.running())
    budget -= state.blocks_of(reserved(state.at(slot))) * state.limits().kv_block_tokens;
  std::int64_t prompts = 0;
  std::int64_t answers = 0;
  std::size_t count = 0;
  for (; count < waiting.size() && static_cast<std::int64_t>(count) < places; ++count) {
    const Sequence& next = state.at(waiting[count]);
    prompts += next.prompt;
    answers += next.output;
    if (prompts > prompt_tokens(state) || prompts + answers > budget) break;
  }
  return count < at_least ? 0 : count;
}

/// min_size.
std::size_t TgiPolicy::least(const BatchState& state) const {
  if (state.running().empty() || waited_ >= batching_.max_waiting_tokens) return 0;
  const auto size = static_cast<float>(state.running().size());
  return static_cast<std::size_t>(
      std::floor(size * static_cast<float>(batching_.waiting_served_ratio)));
}

void TgiPolicy::plan(BatchState& state, StepPlan& plan) {
  if (state.running().empty()) must_decode_ = false;
  const bool between = !state.running().empty();
  std::vector<Slot> taken;  // all are looked up before any is computed
  for (std::size_t left = must_decode_ ? 0 : next_batch(state, least(state)); left > 0; --left) {
    const CachedPrefix cached = state.cached(state.waiting().front());
    if (!state.fits(cached, reserved(state.at(state.waiting().front())))) break;
    taken.push_back(state.admit(cached));
    state.grow(taken.back(), reserved(state.at(taken.back())));
  }
  for (const Slot slot : taken)
    state.schedule_chunk(slot, state.at(slot).target - state.at(slot).computed, plan);
  if (!plan.chunks.empty()) {
    waited_ = 1;
    must_decode_ = between;
    return;
  }
  for (const Slot slot : state.running()) {
    if (!state.at(slot).all_scheduled()) state.schedule_decode(slot, plan);
  }
  if (plan.empty()) return;
  ++waited_;
  must_decode_ = false;
}

std::int64_t TgiPolicy::repeats(const BatchState& state, std::int64_t most) const {
  if (next_batch(state, least(state)) > 0) return 0;
  if (waited_ >= batching_.max_waiting_tokens || next_batch(state, 0) == 0) return most;
  return std::min(most, batching_.max_waiting_tokens - waited_);
}

bool TgiPolicy::can_run(const BatchState& state, const Sequence& sequence) const {
  return holds(state, sequence) && sequence.prompt <= prompt_tokens(state) &&
         sequence.prompt + sequence.output <= total_tokens(state);
}

}  // namespace rigsim::workloads
