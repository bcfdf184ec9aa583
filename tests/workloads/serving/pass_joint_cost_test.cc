#include "workloads/serving/pass_joint_cost.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "tests/workloads/toy_deployment.h"
#include "workloads/serving/pass_stations.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/serving/serving_work.h"

namespace rigsim::workloads {
namespace {

/// The toy with 8 experts of 512, two for each token, on replicas that gather for them.
DeploymentRequest moe_request(int gpus, const ParallelPlan& plan) {
  DeploymentRequest request = toy_request(gpus);
  request.engine.style = KernelStyle::kFused;
  request.engine.tensor_parallel = true;
  request.engine.flash_attention = true;
  request.engine.gathers_for_experts = true;
  request.engine.kv_padding = 1;
  request.model.family = ModelFamily::kMoe;
  request.model.experts = Experts{.count = 8, .active = 2, .intermediate = 512};
  request.plan = plan;
  return request;
}

RankLoad decoding(std::int64_t sequences, std::int64_t context) {
  return {{sequences, sequences * context}, {}};
}

struct Priced {
  StepRun run;
  std::vector<StepRun> waits;
};

Priced price(const PassStations& replicas, const std::vector<RankLoad>& ranks) {
  Priced result{{}, std::vector<StepRun>(ranks.size())};
  result.run = replicas.stations().front().joint->price(ranks, result.waits);
  return result;
}

ServingHost captured_host() {
  ServingHost host;
  host.captured = {1, 2, 4, 8, 16, 32, 64};
  return host;
}

void expect_near(Ticks ticks, sim::Duration expected) {
  const double seconds = sim::to_seconds(expected);
  EXPECT_NEAR(to_seconds(ticks), seconds, seconds * 1e-6);
}

// Equal replicas take what the op graph of all of them does, at captured sizes and beyond; a fourth
// of the experts' weights and their rows of all tokens on each device of dp=2,tp=2.
TEST(PassJointCost, OfEqualReplicasIsThePassOfAll) {
  for (const ParallelPlan& plan : {ParallelPlan{.dp = 2, .ep = 2}, ParallelPlan{.dp = 4, .ep = 4},
                                   ParallelPlan{.tp = 2, .dp = 2, .ep = 4}}) {
    SCOPED_TRACE(testing::Message() << "tp=" << plan.tp << ",dp=" << plan.dp);
    const Deployment d = deploy(moe_request(plan.tp * plan.dp, plan));
    const PassStations replicas(d, captured_host());
    for (const std::int64_t sequences : {1, 8, 64, 128}) {
      const std::vector<RankLoad> ranks(static_cast<std::size_t>(plan.dp),
                                        decoding(sequences, 1'024));
      const Priced priced = price(replicas, ranks);
      expect_near(priced.run.first, makespan(lower_decode(d, 1'024, plan.dp * sequences)));
      for (const StepRun& wait : priced.waits) EXPECT_EQ(wait.first, 0);
    }
  }
}

// Prompts of 64 tokens on both.
TEST(PassJointCost, OfEqualPromptsIsThePassOfAll) {
  const Deployment d = deploy(moe_request(2, {.dp = 2, .ep = 2}));
  const PassStations replicas(d, captured_host());
  const RankLoad prompt{{}, {{64, 0}}};
  expect_near(price(replicas, {prompt, prompt}).run.first, makespan(lower_prompt(d, 64, 2)));
}

// Where graphs are replayed, the replica with 3 sequences computes as many rows as that with 64,
// and waits while that attends; a replica without any does the same, and attends to nothing.
TEST(PassJointCost, PadsToTheReplicaThatHasMost) {
  const Deployment d = deploy(moe_request(2, {.dp = 2, .ep = 2}));
  const PassStations replicas(d, captured_host());
  const Priced equal = price(replicas, {decoding(64, 1'024), decoding(64, 1'024)});
  const Priced few = price(replicas, {decoding(64, 1'024), decoding(3, 1'024)});
  const Priced none = price(replicas, {decoding(64, 1'024), {}});
  EXPECT_EQ(few.run.first, equal.run.first);
  EXPECT_EQ(none.run.first, equal.run.first);
  EXPECT_EQ(few.waits[0].first, 0);
  EXPECT_GT(few.waits[1].first, 0);
  EXPECT_GT(none.waits[1].first, few.waits[1].first);
  EXPECT_LT(none.waits[1].first, none.run.first);
  // The shorter contexts of one make it wait, no step shorter.
  const Priced shorter = price(replicas, {decoding(64, 1'024), decoding(64, 256)});
  EXPECT_EQ(shorter.run.first, equal.run.first);
  EXPECT_EQ(shorter.waits[1].first,
            equal.run.first - price(replicas, {decoding(64, 256), decoding(64, 256)}).run.first);
}

// Beyond the captured sizes nobody is padded to another's size: the experts see fewer tokens than
// where both have many, more than where both have few.
TEST(PassJointCost, BeyondGraphsExpertsSeeTheTokensThereAre) {
  const Deployment d = deploy(moe_request(2, {.dp = 2, .ep = 2}));
  const PassStations replicas(d, captured_host());
  const Ticks both = price(replicas, {decoding(1'024, 64), decoding(1'024, 64)}).run.first;
  const Priced one = price(replicas, {decoding(1'024, 64), decoding(128, 64)});
  const Ticks neither = price(replicas, {decoding(128, 64), decoding(128, 64)}).run.first;
  EXPECT_LT(one.run.first, both);
  EXPECT_GT(one.run.first, neither);
  EXPECT_GT(one.waits[1].first, 0);
  EXPECT_EQ(one.waits[0].first, 0);
  // A small one keeps the size of its graph.
  const auto beside = [&](std::int64_t sequences) {
    return price(replicas, {decoding(1'024, 64), decoding(sequences, 64)}).run.first;
  };
  EXPECT_EQ(beside(33), beside(64));
  EXPECT_LT(beside(32), beside(33));
}

// What experts take beside unlike replicas is told apart from the rest of a pass: together that is
// the pass in which one has 1,024 tokens and its experts get those of all.
TEST(PassBodies, TellExpertsFromTheRest) {
  for (const ParallelPlan& plan :
       {ParallelPlan{.dp = 2, .ep = 2}, ParallelPlan{.tp = 2, .dp = 2, .ep = 4}}) {
    const Deployment d = deploy(moe_request(plan.tp * plan.dp, plan));
    PassBodies bodies(d, captured_host().captured, 1);
    for (const std::int64_t expert_tokens : {1'024, 1'280, 1'920, 2'048}) {
      const PassGraph pass = lower_step(d, 1'024, 1, expert_tokens);
      sim::Costs costs = pass.graph.costs();
      for (const std::uint32_t op : pass.attention) costs.amount[op] = 0;
      const double expected = sim::to_seconds(makespan(pass, costs));
      const Ticks told =
          bodies.stage(0, 1'024) - bodies.experts(2 * 1'024) + bodies.experts(expert_tokens);
      EXPECT_NEAR(to_seconds(told), expected, 0.001 * expected) << expert_tokens;
    }
  }
}

// A run says of each of its steps what asking for that step does: through knots of attention and
// changes of who is slowest.
TEST(PassJointCost, ARunIsWhatItsStepsAre) {
  const Deployment d = deploy(moe_request(2, {.dp = 2, .ep = 2}));
  ServingHost host = captured_host();
  host.overlapped = true;
  host.step_us = 400;
  const PassStations replicas(d, host);
  std::vector<RankLoad> ranks{decoding(4, 3'000), decoding(40, 290)};
  bool other_one = false;
  for (int runs = 0; runs < 40; ++runs) {
    const Priced first = price(replicas, ranks);
    ASSERT_GE(first.run.steps, 1);
    const std::int64_t steps = std::min<std::int64_t>(first.run.steps, 64);
    for (std::int64_t i = 0; i < steps; ++i) {
      const Priced here = price(replicas, ranks);
      ASSERT_EQ(here.run.first, first.run.first + first.run.slope * i);
      for (std::size_t r = 0; r < 2; ++r)
        ASSERT_EQ(here.waits[r].first, first.waits[r].first + first.waits[r].slope * i);
      other_one = other_one || here.waits[0].first > 0;
      for (RankLoad& rank : ranks) rank.decode.kv_tokens += rank.decode.sequences;
    }
  }
  EXPECT_TRUE(other_one);
}

DeploymentRequest serving_request(const ParallelPlan& plan) {
  DeploymentRequest request = moe_request(plan.tp * plan.dp * plan.pp, plan);
  request.context = 1'000;
  return request;
}

// Replicas that hold half of the experts each have room for more KV blocks: 4 layers of 3 x 4
// matrices of 512 x 1,024 in F16 fewer, less what the activations of all tokens take.
TEST(ServingSetup, OfReplicasThatShareExpertsHasTheBlocksTheyLeave) {
  const ServingSetup apart = serving_setup(serving_request({.dp = 2}), {});
  const ServingSetup shared = serving_setup(serving_request({.dp = 2, .ep = 2}), {});
  EXPECT_FALSE(in_lock_step(apart));
  EXPECT_TRUE(in_lock_step(shared));
  EXPECT_EQ(shared.config.replicas, 2);
  EXPECT_EQ(shared.config.routing, Routing::kVllm);
  const std::int64_t freed = std::int64_t{4} * 3 * 4 * 512 * 1'024 * 2;
  // 4 layers of keys and values, 2 heads of 128 in F16, 32 tokens.
  const std::int64_t block = std::int64_t{4} * 2 * 2 * 128 * 2 * 32;
  const MemoryItems& with = shared.memory.devices.front().items;
  const MemoryItems& without = apart.memory.devices.front().items;
  EXPECT_EQ((without.weights - with.weights).count(), freed);
  EXPECT_GE(with.activations, without.activations);
  const auto left = freed - (with.activations - without.activations).count();
  EXPECT_NEAR(static_cast<double>(shared.kv_blocks - apart.kv_blocks),
              static_cast<double>(left) / block, 1);
}

// One replica decodes 8 sequences, the other runs along: both sit in the collectives of 8 tokens,
// and each reads half of what these touch of 8 experts of three 512 x 1,024 matrices in 4 layers.
// Of 3 and 64 tokens both are padded to 64.
TEST(ServingWork, OfAReplicaThatRunsAlongIsItsShareOfExpertsAndLinks) {
  ServingSetup setup = serving_setup(serving_request({.dp = 2, .ep = 2}), {});
  setup.host.captured = captured_host().captured;
  ServingWork work(setup);
  const auto step = [](std::int64_t own, std::int64_t all, std::int64_t most) {
    StepRecord record;
    record.decodes = own;
    record.kv_tokens = 100 * own;
    record.group_tokens = all;
    record.group_most = most;
    return record;
  };
  const StepWork along = work.of(step(0, 8, 8));
  EXPECT_GT(along.link, 0);
  EXPECT_EQ(along.link, work.of(step(8, 8, 8)).link);
  EXPECT_TRUE(along.flops == 0);
  const double experts = 4.0 * 8 * 3 * 512 * 1'024 * 2;
  EXPECT_NEAR(static_cast<double>(along.bytes), (1 - std::pow(0.75, 8)) / 2 * experts, 1);
  EXPECT_EQ(work.of(step(3, 67, 64)).link, work.of(step(64, 128, 64)).link);
}

TEST(ServingSetup, RefusesWhatLockStepDoesNotKnow) {
  const auto refuses = [](const ParallelPlan& plan, const ServingProfile& profile,
                          std::int32_t prefill, const char* what) {
    try {
      (void)serving_setup(serving_request(plan), profile, prefill);
      ADD_FAILURE() << "not refused: " << what;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find(what), std::string::npos) << error.what();
    }
  };
  refuses({.dp = 4, .ep = 2}, {}, 0, "ep=4");
  refuses({.pp = 2, .dp = 2, .ep = 2}, {}, 0, "pp=1");
  ServingProfile sarathi;
  sarathi.batching = SarathiBatching{};
  refuses({.dp = 2, .ep = 2}, sarathi, 0, "vllm-v1");
  refuses({.dp = 2, .ep = 2}, {}, 1, "prompts");
}

}  // namespace
}  // namespace rigsim::workloads
