#include "workloads/serving/whole_batches.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

/// Tokens in the KV cache when the sequence has its last answer: the last one is not computed.
std::int64_t longest(const Sequence& sequence) { return sequence.prompt + sequence.output - 1; }

/// Room for one more sequence and all that it will ever hold.
bool admissible(const BatchState& state) {
  if (!state.next_may_run()) return false;
  const Slot next = state.waiting().front();
  return state.fits(state.cached(next), longest(state.at(next)));
}

/// Admits whole prompts while they fit; blocks for their answers are theirs at once.
void admit_all(BatchState& state, StepPlan& plan) {
  while (admissible(state)) {
    const Slot slot = state.admit(state.cached(state.waiting().front()));
    const Sequence& sequence = state.at(slot);
    state.grow(slot, longest(sequence));
    state.schedule_chunk(slot, sequence.target - sequence.computed, plan);
  }
}

void decode_running(BatchState& state, StepPlan& plan) {
  for (const Slot slot : state.running()) {
    const Sequence& sequence = state.at(slot);
    if (sequence.decoding() && !sequence.all_scheduled()) state.schedule_decode(slot, plan);
  }
}

}  // namespace

void OrcaPolicy::plan(BatchState& state, StepPlan& plan) {
  decode_running(state, plan);
  admit_all(state, plan);
}

std::int64_t OrcaPolicy::repeats(const BatchState& state, std::int64_t most) const {
  return admissible(state) ? 0 : most;
}

void StaticPolicy::plan(BatchState& state, StepPlan& plan) {
  if (!state.running().empty()) {
    decode_running(state, plan);
    return;
  }
  admit_all(state, plan);
}

std::int64_t StaticPolicy::repeats(const BatchState& /*state*/, std::int64_t most) const {
  return most;
}

bool OrcaPolicy::can_run(const BatchState& state, const Sequence& sequence) const {
  return holds(state, sequence);
}

bool StaticPolicy::can_run(const BatchState& state, const Sequence& sequence) const {
  return holds(state, sequence);
}

}  // namespace rigsim::workloads
