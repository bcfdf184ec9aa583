#include "workloads/serving/batch_state.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

BatchLimits limits_of(std::int64_t blocks) {
  BatchLimits limits;
  limits.kv_blocks = blocks;
  limits.prefix_caching = false;
  return limits;
}

Sequence sequence_of(std::uint32_t request, std::int64_t prompt, std::int64_t output,
                     std::int32_t priority = 0) {
  Sequence sequence;
  sequence.request = request;
  sequence.priority = priority;
  sequence.prompt = prompt;
  sequence.output = output;
  sequence.target = prompt;
  return sequence;
}

/// Admitted and its prompt computed.
Slot started(BatchState& state, const Sequence& sequence) {
  state.arrive(sequence, {}, false);
  const Slot slot = state.admit({});
  state.grow(slot, sequence.prompt);
  StepPlan plan;
  state.schedule_chunk(slot, sequence.prompt, plan);
  return slot;
}

std::vector<std::uint32_t> waiting(const BatchState& state) {
  std::vector<std::uint32_t> requests;
  for (const Slot slot : state.waiting()) requests.push_back(state.at(slot).request);
  return requests;
}

TEST(BatchState, RefusesLimitsBelowOne) {
  EXPECT_THROW(BatchState{limits_of(0)}, std::invalid_argument);
}

TEST(BatchState, CountsBlocksThatAreBegun) {
  const BatchState state(limits_of(10));
  EXPECT_EQ(state.blocks_of(16), 1);
  EXPECT_EQ(state.blocks_of(17), 2);
  EXPECT_TRUE(state.fits({}, 160));
  EXPECT_FALSE(state.fits({}, 161));
  EXPECT_FALSE(state.fits({}, 160, 1));
  EXPECT_TRUE(state.fits({4, 0}, 220));   // 14 blocks, 4 of them with another holder
  EXPECT_FALSE(state.fits({4, 4}, 220));  // or free, which is what they would use up
}

TEST(BatchState, GrowsByWhatIsMissingOrNotAtAll) {
  BatchState state(limits_of(3));
  const Slot slot = started(state, sequence_of(0, 20, 50));
  EXPECT_EQ(state.at(slot).blocks, 2);
  EXPECT_TRUE(state.grow(slot, 32));
  EXPECT_EQ(state.pool().free(), 1);
  EXPECT_TRUE(state.grow(slot, 33));
  EXPECT_FALSE(state.grow(slot, 49));
  EXPECT_EQ(state.at(slot).blocks, 3);
}

TEST(BatchState, CountsWhatIsScheduled) {
  BatchState state(limits_of(10));
  state.arrive(sequence_of(0, 20, 3), {}, false);
  const Slot slot = state.admit({});
  StepPlan plan;
  state.schedule_chunk(slot, 15, plan);
  EXPECT_FALSE(plan.chunks[0].emits);
  EXPECT_TRUE(plan.chunks[0].first);
  EXPECT_EQ(state.at(slot).scheduled_output, 0);
  plan.clear();
  state.schedule_chunk(slot, 5, plan);
  EXPECT_TRUE(plan.chunks[0].emits);
  EXPECT_FALSE(plan.chunks[0].first);
  EXPECT_EQ(plan.chunks[0].cached, 15);
  plan.clear();
  state.schedule_decode(slot, plan);
  EXPECT_EQ(plan.kv_tokens, 21);
  EXPECT_FALSE(state.at(slot).all_scheduled());
  plan.clear();
  state.schedule_decode(slot, plan);
  EXPECT_TRUE(state.at(slot).all_scheduled());
}

TEST(BatchState, TakesBackWhatWasScheduled) {
  BatchState state(limits_of(10));
  const Slot decoding = started(state, sequence_of(0, 20, 3));
  state.arrive(sequence_of(1, 20, 3), {}, false);
  const Slot prompt = state.admit({});
  StepPlan plan;
  state.schedule_decode(decoding, plan);
  state.schedule_chunk(prompt, 20, plan);
  state.unschedule(decoding, plan);
  state.unschedule(prompt, plan);
  EXPECT_TRUE(plan.empty());
  EXPECT_EQ(plan.kv_tokens, 0);
  EXPECT_EQ(state.at(decoding).computed, 20);
  EXPECT_EQ(state.at(decoding).scheduled_output, 1);
  EXPECT_EQ(state.at(prompt).computed, 0);
  EXPECT_FALSE(state.at(prompt).started);
}

TEST(BatchState, PutsAPreemptedSequenceInFrontToComputeAllItsTokens) {
  BatchState state(limits_of(10));
  const Slot slot = started(state, sequence_of(0, 20, 5));
  state.arrive(sequence_of(1, 20, 5), {}, false);
  StepPlan plan;
  state.schedule_decode(slot, plan);
  state.preempt(slot, false);
  EXPECT_EQ(waiting(state), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(state.pool().held(), 0);
  EXPECT_EQ(state.at(slot).target, 22);  // the prompt, and the two that were answered
  EXPECT_EQ(state.at(slot).computed, 0);
  EXPECT_EQ(state.at(slot).preemptions, 1U);
}

TEST(BatchState, QueuesByPriorityThenArrival) {
  BatchState state(limits_of(10));
  state.arrive(sequence_of(0, 1, 1, 2), {}, true);
  state.arrive(sequence_of(1, 1, 1, 1), {}, true);
  state.arrive(sequence_of(2, 1, 1, 2), {}, true);
  state.arrive(sequence_of(3, 1, 1, 1), {}, true);
  EXPECT_EQ(waiting(state), (std::vector<std::uint32_t>{1, 3, 0, 2}));
  const Slot first = state.admit({});
  state.preempt(first, true);
  EXPECT_EQ(waiting(state), (std::vector<std::uint32_t>{1, 3, 0, 2}));
}

TEST(BatchState, LetsNobodyBesideTheMostSequencesOrWithoutTokensLeft) {
  BatchLimits limits = limits_of(10);
  limits.max_sequences = 1;
  BatchState state(limits);
  EXPECT_FALSE(state.next_may_run());
  const Slot slot = started(state, sequence_of(0, 4, 1));
  state.arrive(sequence_of(1, 4, 1), {}, false);
  EXPECT_FALSE(state.next_may_run());
  state.preempt(slot, false);
  EXPECT_FALSE(state.next_may_run());  // its only token is on its way
  state.finish(slot);
  EXPECT_TRUE(state.next_may_run());
}

// 20 and 31 tokens in blocks of 16, 5 blocks: one is free. The second begins a block behind 32
// tokens, after one more step; the first behind 32, after 12 more.
TEST(BatchState, KnowsHowManyStepsFit) {
  BatchState state(limits_of(5));
  started(state, sequence_of(0, 20, 100));
  started(state, sequence_of(1, 31, 100));
  EXPECT_EQ(state.steps_that_fit(100), 12);
  EXPECT_EQ(state.steps_that_fit(7), 7);
  EXPECT_EQ(state.steps_that_fit(100, 1), 1);
  state.decode_all(12);
  EXPECT_EQ(state.pool().free(), 0);
  EXPECT_EQ(state.steps_that_fit(100), 0);
}

TEST(BatchState, ReusesTheSlotOfWhoHasFinished) {
  BatchState state(limits_of(5));
  const Slot slot = started(state, sequence_of(0, 20, 1));
  state.finish(slot);
  EXPECT_EQ(state.pool().held(), 0);
  state.sweep();
  EXPECT_TRUE(state.idle());
  EXPECT_EQ(state.arrive(sequence_of(1, 1, 1), {}, false), slot);
}

TEST(BatchState, FinishesWhoWaitsForAnAnswerOnItsWay) {
  BatchState state(limits_of(5));
  const Slot slot = started(state, sequence_of(0, 20, 1));
  state.preempt(slot, false);
  state.finish(slot);
  EXPECT_TRUE(state.idle());
}

}  // namespace
}  // namespace rigsim::workloads
