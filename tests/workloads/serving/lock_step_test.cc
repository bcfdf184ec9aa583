#include "workloads/serving/lock_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/toy_joint_cost.h"
#include "workloads/serving/server.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;
using test::CheckingObserver;
using test::TokenJointCost;
using test::ToyJointCost;

sim::Time at(sim::Duration time) { return sim::Time(time); }

TrafficRequest request_at(sim::Duration arrival, std::int64_t prompt, std::int64_t output) {
  TrafficRequest request;
  request.arrival = at(arrival);
  request.prompt_tokens = prompt;
  request.output_tokens = output;
  return request;
}

ServerConfig roomy(bool async, std::int32_t replicas = 2) {
  ServerConfig config;
  config.limits.kv_blocks = 1'000;
  config.limits.async_scheduling = async;
  config.replicas = replicas;
  return config;
}

struct Served {
  std::vector<RequestRecord> records;
  std::vector<std::vector<Ticks>> busy;  // [replicas x 1]
  std::vector<Ticks> waited;             // [replicas]
  std::int64_t steps = 0;
};

Served run(const Traffic& traffic, const ServerConfig& config, JointStepCost& cost) {
  const Station station{nullptr, StationKind::kStage, {}, &cost};
  CheckingObserver observer(traffic, config);
  Served result;
  result.records = serve(traffic, config, std::span(&station, 1), observer);
  observer.finish();
  result.busy = observer.busy();
  result.waited = observer.waited();
  result.steps = observer.steps_run;
  return result;
}

// Against asking every run at every step.
TEST(Slowest, IsTheLongestAsLongAsItIsTheSameOne) {
  std::mt19937_64 engine(7);
  const auto from = [&](std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine() % static_cast<std::uint64_t>(high - low + 1));
  };
  for (int round = 0; round < 2'000; ++round) {
    std::vector<StepRun> runs;
    for (std::int64_t i = from(1, 5); i > 0; --i)
      runs.push_back({from(0, 60), from(-3, 6), from(1, 40)});
    const StepRun longest = slowest(runs);
    ASSERT_GE(longest.steps, 1);
    std::int64_t shortest = 40;
    for (const StepRun& each : runs) shortest = std::min(shortest, each.steps);
    ASSERT_LE(longest.steps, shortest);
    for (std::int64_t i = 0; i <= longest.steps; ++i) {
      Ticks most = runs.front().first + runs.front().slope * i;
      for (const StepRun& each : runs) most = std::max(most, each.first + each.slope * i);
      if (i < longest.steps) {
        ASSERT_EQ(longest.first + longest.slope * i, most);
      } else if (longest.steps < shortest) {
        ASSERT_LT(longest.first + longest.slope * i, most) << "it might have gone on";
      }
    }
  }
  EXPECT_THROW((void)slowest({}), std::invalid_argument);
}

/// Dealt out in turn: 0, 2 and 4 go to the first replica, 1 and 3 to the second.
Traffic five_requests() {
  Traffic traffic;
  traffic.requests = {request_at(0us, 4, 3), request_at(5us, 2, 2), request_at(30us, 1, 1),
                      request_at(100us, 5, 1), request_at(400us, 2, 1)};
  return traffic;
}

// A step takes 10 us and 1 us for each token of the replica that has most:
//   0: 0 computes 4 tokens, the second runs along: 14 us
//   14: 0 decodes, 1 computes 2: 12 us          26: both decode: 11 us, both end at 37
//   37: 2 computes 1, the second runs along: 11 us, ends at 48
//   48: dummy batches of 10 us each; 3 comes at 100 and begins at 108: 15 us
//   123: 11 steps so far; 21 more until they agree that nothing is left, at 333
//   400: 4 begins at once: 12 us.
// The second waits 4, 1 and 2 us for the first, the first 1 and 5 us for the second.
TEST(LockStep, BeginsAndEndsStepsTogether) {
  const Traffic traffic = five_requests();
  for (const StepMode mode : {StepMode::kLeap, StepMode::kExact}) {
    ServerConfig config = roomy(false);
    config.mode = mode;
    TokenJointCost cost;
    const Served result = run(traffic, config, cost);
    const auto& r = result.records;
    EXPECT_EQ(r[0].first_token, at(14us));
    EXPECT_EQ(r[0].finished, at(37us));
    EXPECT_EQ(r[1].scheduled, at(14us));
    EXPECT_EQ(r[1].first_token, at(26us));
    EXPECT_EQ(r[1].finished, at(37us));
    EXPECT_EQ(r[2].scheduled, at(37us));
    EXPECT_EQ(r[2].finished, at(48us));
    EXPECT_EQ(r[3].scheduled, at(108us));
    EXPECT_EQ(r[3].finished, at(123us));
    EXPECT_EQ(r[4].scheduled, at(400us));
    EXPECT_EQ(r[4].finished, at(412us));
    EXPECT_EQ(result.waited, (std::vector<Ticks>{to_ticks(6us), to_ticks(7us)}));
    // To 333 us, and 12 us and 31 dummy batches from 400 us on.
    const Ticks busy = to_ticks(333us + 12us + 310us);
    EXPECT_EQ(result.busy, (std::vector<std::vector<Ticks>>{{busy}, {busy}}));
    EXPECT_EQ(result.steps, 2 * 64);
  }
}

// With asynchronous scheduling the step behind the one that runs is settled, also where it is
// empty:
//   0: 0 computes 4: 14 us      14: 0 decodes, the second is empty: 11 us
//   25: 0 decodes its last, 1 computes 2: 12 us, to 37      37: 1 decodes: 11 us, to 48
//   48: 2, which came at 30, computes 1: 11 us, to 59
//   3 comes in the dummy batch from 99 to 109; the next, to 119, is settled: 119 to 134.
//   134: 12 steps so far, 20 more: they rest at 334.
TEST(LockStep, WithAsynchronousSchedulingSettlesDummyBatchesAheadToo) {
  const Traffic traffic = five_requests();
  for (const StepMode mode : {StepMode::kLeap, StepMode::kExact}) {
    ServerConfig config = roomy(true);
    config.mode = mode;
    TokenJointCost cost;
    const auto r = run(traffic, config, cost).records;
    EXPECT_EQ(r[0].first_token, at(14us));
    EXPECT_EQ(r[0].finished, at(37us));
    EXPECT_EQ(r[1].scheduled, at(25us));
    EXPECT_EQ(r[1].finished, at(48us));
    EXPECT_EQ(r[2].scheduled, at(48us));
    EXPECT_EQ(r[2].finished, at(59us));
    EXPECT_EQ(r[3].scheduled, at(119us));
    EXPECT_EQ(r[3].finished, at(134us));
    EXPECT_EQ(r[4].scheduled, at(400us));
    EXPECT_EQ(r[4].finished, at(412us));
  }
}

// The first request ends with step 32, at 32 x 11 us. That is known at once where nothing is
// scheduled ahead, else only when they ask again, after 32 dummy batches, at 672 us.
TEST(LockStep, RestsWhenAllHaveAgreedThatNothingIsLeft) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 32), request_at(500us, 1, 1)};
  for (const bool async : {false, true}) {
    TokenJointCost cost;
    const auto r = run(traffic, roomy(async), cost).records;
    EXPECT_EQ(r[0].finished, at(352us));
    EXPECT_EQ(r[1].scheduled, at(async ? 512us : 500us));
  }
}

// Two replicas of which one has nothing to do: each token comes when it would from a replica alone.
TEST(LockStep, AReplicaWithoutRequestsChangesNothing) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 300, 40)};
  for (const bool async : {false, true}) {
    ToyJointCost cost;
    cost.shared = 0;
    ServerConfig config = roomy(async);
    const Served together = run(traffic, config, cost);
    config.replicas = 1;
    CheckingObserver observer(traffic, config);
    const auto alone = serve(traffic, config, cost.own, observer);
    EXPECT_EQ(together.records[0].first_token, alone[0].first_token);
    EXPECT_EQ(together.records[0].finished, alone[0].finished);
  }
}

// Equal requests on equal replicas: none waits, and each takes what one replica takes whose experts
// see the tokens of all.
TEST(LockStep, EqualReplicasDoNotWait) {
  Traffic traffic;
  for (int i = 0; i < 6; ++i) traffic.requests.push_back(request_at(0us, 100, 20));
  ToyJointCost cost;
  const Served three = run(traffic, roomy(true, 3), cost);
  // Two requests on each; six of 100 prompt tokens then, six of one token.
  traffic.requests.resize(2);
  ServerConfig config = roomy(true, 1);
  test::ToyStepCost one = cost.own;
  one.row += 3 * cost.shared;
  one.prompt += 3 * cost.shared;
  CheckingObserver observer(traffic, config);
  const auto alone = serve(traffic, config, one, observer);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(three.records[i].finished, alone[i / 3].finished) << i;
  EXPECT_EQ(three.records[0].first_token, alone[0].first_token);
}

// Running ones count once, waiting ones four times. The first four go to the two replicas in turn;
// at 12 us the second's are done. The fifth waits there for the end of the step, so that the sixth
// goes to the first replica, where two run.
TEST(LockStep, RequestsAreDealtOutAsVllmDoes) {
  Traffic traffic;
  traffic.requests = {request_at(0us, 1, 9), request_at(0us, 1, 1),  request_at(0us, 1, 9),
                      request_at(0us, 1, 1), request_at(13us, 1, 1), request_at(14us, 1, 1)};
  ServerConfig config = roomy(false);
  config.routing = Routing::kVllm;
  TokenJointCost cost;
  const auto r = run(traffic, config, cost).records;
  std::vector<int> replicas;
  for (const RequestRecord& each : r) replicas.push_back(each.replica);
  EXPECT_EQ(replicas, (std::vector<int>{0, 1, 0, 1, 1, 0}));
}

// The first replica computes 5 tokens, then one; the second runs along, as both do after that.
TEST(LockStep, StepsSayWhatTheReplicaWithMostComputes) {
  struct Groups final : ServingObserver {
    void steps_executed(const StepRecord& step) override {
      if (step.replica == 1 && std::ssize(seen) < 3)
        seen.emplace_back(step.group_tokens, step.group_most);
    }
    void gaps_seen(const GapRun&) override {}
    void request_ended(std::uint32_t, const RequestRecord&) override {}
    std::vector<std::pair<std::int64_t, std::int64_t>> seen;
  } groups;
  Traffic traffic;
  traffic.requests = {request_at(0us, 5, 2)};
  TokenJointCost cost;
  const Station station{nullptr, StationKind::kStage, {}, &cost};
  ServerConfig config = roomy(true);
  (void)serve(traffic, config, std::span(&station, 1), groups);
  EXPECT_THAT(groups.seen,
              testing::ElementsAre(testing::Pair(5, 5), testing::Pair(1, 1), testing::Pair(0, 1)));
}

TEST(LockStep, IsOfSeveralReplicasWithOneStation) {
  TokenJointCost cost;
  Traffic traffic;
  EXPECT_THROW((void)run(traffic, roomy(false, 1), cost), std::invalid_argument);
  ServerConfig config = roomy(false);
  config.in_flight = 2;
  EXPECT_THROW((void)run(traffic, config, cost), std::invalid_argument);
}

// Their steps cost no copies and no drafts, and nobody wakes one that waits for blocks.
TEST(LockStep, RefusesHostMemoryAndSpeculation) {
  TokenJointCost cost;
  const Traffic traffic;
  ServerConfig config = roomy(false);
  EXPECT_NO_THROW((void)run(traffic, config, cost));
  config.limits.host_blocks = 10;
  EXPECT_THROW((void)run(traffic, config, cost), std::invalid_argument);
  config = roomy(false);
  config.limits.speculation.tokens = 1;
  config.limits.speculation.acceptance = {0.5};
  EXPECT_THROW((void)run(traffic, config, cost), std::invalid_argument);
  config = roomy(false);
  config.batching = VllmV0Batching{.swap = true};
  EXPECT_THROW((void)run(traffic, config, cost), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
