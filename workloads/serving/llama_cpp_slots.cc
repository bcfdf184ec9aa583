#include "workloads/serving/llama_cpp_slots.h"

#include <algorithm>

namespace rigsim::workloads {

/// Places whose sequences have ended, in their order: so they were released.
void LlamaCppPolicy::release(const BatchState& state) {
  just_released_ = 0;
  for (Place& place : places_) {
    if (!place.running || state.runs(*place.running, place.request)) continue;
    place.running.reset();
    place.last_used = releases_++;
    ++just_released_;
  }
}

/// Tokens of a prompt that a place holds already; one at least has to be computed.
std::int64_t LlamaCppPolicy::kept(const Place& place, const Sequence& sequence,
                                  const Prefix& prefix) const {
  const auto same = std::ranges::mismatch(place.prefix.hashes, prefix.hashes).in2;
  const std::int64_t common = (same - prefix.hashes.begin()) * prefix.hash_tokens;
  return std::min({common, place.prompt, sequence.prompt});
}

/// get_available_slot: that with the longest common prefix where it is enough of the prompt, else
/// the least recently used. There is one.
LlamaCppPolicy::Place& LlamaCppPolicy::available(const Sequence& sequence, const Prefix& prefix) {
  Place* best = nullptr;
  float best_share = 0;
  for (Place& place : places_) {
    if (place.running || batching_.similarity == 0) continue;
    const float share =
        static_cast<float>(kept(place, sequence, prefix)) / static_cast<float>(sequence.prompt);
    if (share <= best_share || share <= static_cast<float>(batching_.similarity)) continue;
    best_share = share;
    best = &place;
  }
  if (best != nullptr) return *best;
  for (Place& place : places_) {
    if (!place.running && (best == nullptr || place.last_used <= best->last_used)) best = &place;
  }
  return *best;
}

/// Each released slot moves one deferred request to the front of the queue (pop_deferred_task), so
/// that of several the last one takes its slot first; new requests are behind them.
void LlamaCppPolicy::launch(BatchState& state) {
  auto& waiting = state.waiting_order();
  const std::size_t popped = std::min(just_released_, deferred_);
  std::reverse(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(popped));
  while (!waiting.empty() && state.running().size() < places_.size()) {
    const Slot slot = waiting.front();
    const Sequence& sequence = state.at(slot);
    const Prefix& prefix = state.prefix(slot);
    Place& place = available(sequence, prefix);
    const std::int64_t tokens = std::min(kept(place, sequence, prefix), sequence.prompt - 1);
    if (!state.admit_kept(tokens)) break;
    place = {slot, sequence.request, prefix, sequence.prompt, place.last_used};
  }
  deferred_ = waiting.size();
}

void LlamaCppPolicy::plan(BatchState& state, StepPlan& plan) {
  places_.resize(static_cast<std::size_t>(state.limits().max_sequences));
  release(state);
  launch(state);
  std::int64_t budget = state.limits().step_tokens;
  for (const Place& place : places_) {
    if (!place.running || !state.at(*place.running).decoding()) continue;
    if (state.at(*place.running).all_scheduled()) continue;
    state.grow(*place.running, state.at(*place.running).computed + 1);
    state.schedule_decode(*place.running, plan);
    --budget;
  }
  for (const Place& place : places_) {
    if (budget <= 0) break;
    if (!place.running || state.at(*place.running).decoding()) continue;
    const Sequence& sequence = state.at(*place.running);
    const std::int64_t tokens = std::min(sequence.target - sequence.computed, budget);
    state.grow(*place.running, sequence.computed + tokens);
    state.schedule_chunk(*place.running, tokens, plan);
    budget -= tokens;
  }
}

std::int64_t LlamaCppPolicy::repeats(const BatchState& state, std::int64_t most) const {
  return state.waiting().empty() || state.running().size() >= places_.size() ? most : 0;
}

/// An equal share of the cache for each slot, allocated when the server starts.
bool LlamaCppPolicy::can_run(const BatchState& state, const Sequence& sequence) const {
  const std::int64_t blocks = state.limits().kv_blocks / state.limits().max_sequences;
  return sequence.prompt + sequence.output <= blocks * state.limits().kv_block_tokens;
}

}  // namespace rigsim::workloads
