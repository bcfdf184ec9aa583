#include <gtest/gtest.h>

#include <cstdint>
#include <variant>

#include "tests/workloads/serving/random_scenario.h"

namespace rigsim::workloads {
namespace {

using test::Dice;
using test::random_scenario;
using test::Scenario;
using test::ScenarioOutcome;

struct Counts {
  std::int64_t leapt = 0;
  std::int64_t preempted = 0;
  std::int64_t found = 0;
  std::int64_t moved = 0;
  std::int64_t swapped = 0;
  std::int64_t loaded = 0;
};

/// Both modes give the same times to the last picosecond.
void expect_same_times(const Scenario& scenario, Counts& counts) {
  const ScenarioOutcome fast = run(scenario, StepMode::kLeap);
  const ScenarioOutcome slow = run(scenario, StepMode::kExact);
  ASSERT_EQ(fast.full, slow.full);
  ASSERT_EQ(fast.swapped, slow.swapped);
  ASSERT_EQ(fast.loaded, slow.loaded);
  counts.swapped += fast.swapped;
  counts.loaded += fast.loaded;
  if (!fast.full.empty()) return;
  ASSERT_EQ(fast.steps, slow.steps);
  ASSERT_EQ(fast.gaps, slow.gaps);
  ASSERT_EQ(fast.busy, slow.busy);
  ASSERT_EQ(fast.waited, slow.waited);
  for (std::size_t i = 0; i < fast.records.size(); ++i) {
    const RequestRecord& a = fast.records[i];
    const RequestRecord& b = slow.records[i];
    ASSERT_EQ(a.outcome, b.outcome) << "request " << i;
    ASSERT_NE(a.outcome, RequestOutcome::kUnserved) << "request " << i;
    ASSERT_EQ(a.arrival, b.arrival) << "request " << i;
    ASSERT_EQ(a.scheduled, b.scheduled) << "request " << i;
    ASSERT_EQ(a.prefilled, b.prefilled) << "request " << i;
    ASSERT_EQ(a.kv_sent, b.kv_sent) << "request " << i;
    ASSERT_EQ(a.kv_there, b.kv_there) << "request " << i;
    counts.moved += a.kv_there > sim::Time{} ? 1 : 0;
    ASSERT_EQ(a.first_token, b.first_token) << "request " << i;
    ASSERT_EQ(a.finished, b.finished) << "request " << i;
    ASSERT_EQ(a.preemptions, b.preemptions) << "request " << i;
    ASSERT_EQ(a.cached_tokens, b.cached_tokens) << "request " << i;
    ASSERT_EQ(a.host_tokens, b.host_tokens) << "request " << i;
    counts.preempted += a.preemptions;
    counts.found += a.cached_tokens;
  }
  counts.leapt += slow.rows - fast.rows;
}

// Every policy, with and without prefixes, preemption, asynchronous scheduling, several replicas,
// front ends, prompts on replicas of their own and closed loops.
TEST(Leap, GivesTheTimesOfSingleSteps) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    expect_same_times(random_scenario(seed), counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 1'000'000);
  EXPECT_GT(counts.preempted, 1'000);
  EXPECT_GT(counts.found, 50'000);
  EXPECT_GT(counts.loaded, 1'000);
  EXPECT_GT(counts.swapped, 1'000);
  EXPECT_GT(counts.moved, 1'000);
}

TEST(Leap, GivesTheTimesOfSingleStepsOfPipelines) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 1'000'000);
    Scenario scenario = random_scenario(seed);
    const Batching& batching = scenario.config.batching;
    if (std::holds_alternative<LlamaCppBatching>(batching) ||
        std::holds_alternative<TgiBatching>(batching))
      scenario.config.batching = VllmV1Batching{};
    scenario.config.limits.host_blocks = 0;
    make_pipeline(scenario, dice);
    if (std::holds_alternative<SglangBatching>(batching))
      scenario.config.limits.async_scheduling = false;
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 1'000'000);
  EXPECT_GT(counts.preempted, 1'000);
  EXPECT_GT(counts.found, 50'000);
  EXPECT_GT(counts.swapped, 1'000);
}

TEST(Leap, GivesTheTimesOfSingleStepsInLockStep) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 2'000'000);
    Scenario scenario = random_scenario(seed);
    make_lock_step(scenario, dice);
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 300'000);
  EXPECT_GT(counts.preempted, 300);
  EXPECT_GT(counts.found, 30'000);
}

// llama.cpp on several devices, and what else computes one step at a time there.
TEST(Leap, GivesTheTimesOfSingleStepsOfStagesInTurn) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 2'000'000);
    Scenario scenario = random_scenario(seed);
    if (dice.chance(50)) scenario.config.batching = LlamaCppBatching{};
    const bool scheduled_ahead = scenario.config.limits.async_scheduling;
    make_pipeline(scenario, dice);
    scenario.config.in_flight = 1;
    scenario.config.limits.async_scheduling = scheduled_ahead;
    scenario.config.kv_links.reset();
    scenario.config.limits.host_blocks = 0;
    scenario.in_turn = true;
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 1'000'000);
  EXPECT_GT(counts.preempted, 500);
}

}  // namespace
}  // namespace rigsim::workloads
