#include "workloads/serving/pass_step_cost.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <stdexcept>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

DeploymentRequest fused_request() {
  DeploymentRequest request = toy_request(1);
  request.engine.style = KernelStyle::kFused;
  request.engine.flash_attention = true;
  request.engine.kv_padding = 1;
  return request;
}

Deployment fused_toy() { return deploy(fused_request()); }

ServingHost host_of(double step_us, double per_sequence_us, bool overlapped) {
  ServingHost host;
  host.step_us = step_us;
  host.per_sequence_us = per_sequence_us;
  host.overlapped = overlapped;
  return host;
}

void expect_near(Ticks ticks, sim::Duration expected) {
  const double seconds = sim::to_seconds(expected);
  EXPECT_NEAR(to_seconds(ticks), seconds, seconds * 1e-6);
}

// The contexts are knots of the table, so nothing is interpolated.
TEST(PassStepCost, AtAKnotIsADecodePassOfTheSimulation) {
  const Deployment deployment = fused_toy();
  PassStepCost cost(deployment, {});
  for (const std::int64_t sequences : {1, 2, 7, 16, 64}) {
    for (const std::int64_t context : {64, 192, 256, 320, 1'024, 7'168}) {
      SCOPED_TRACE(testing::Message() << sequences << " sequences of " << context);
      expect_near(cost.decode({sequences, sequences * context}).first,
                  makespan(lower_decode(deployment, context, sequences)));
    }
  }
}

// Every step of a run costs what asking for its load costs, whether host or device is the longer.
void expect_runs_to_hold(ServingHost host, std::uint64_t seed) {
  const Deployment deployment = fused_toy();
  PassStepCost cost(deployment, std::move(host));
  std::mt19937_64 random(seed);
  for (int i = 0; i < 300; ++i) {
    const auto sequences = static_cast<std::int64_t>(random() % 40 + 1);
    const auto kv_tokens =
        sequences +
        static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(sequences * 3'000));
    const StepRun run = cost.decode({sequences, kv_tokens});
    ASSERT_GE(run.steps, 1);
    ASSERT_TRUE(run.first > 0);
    for (const std::int64_t step :
         {std::int64_t{0}, std::int64_t{1}, run.steps / 2, run.steps - 1}) {
      if (step >= run.steps) continue;
      const StepRun later = cost.decode({sequences, kv_tokens + step * sequences});
      ASSERT_TRUE(later.first == run.first + step * run.slope)
          << "seed " << seed << ", " << sequences << " sequences, " << kv_tokens << " tokens, step "
          << step << " of " << run.steps;
    }
  }
}

TEST(PassStepCost, ARunHoldsWithoutAHost) { expect_runs_to_hold({}, 1); }

TEST(PassStepCost, ARunHoldsWhereHostAndDeviceTakeTurns) {
  expect_runs_to_hold(host_of(300, 5, false), 2);
}

// The toy's decode steps take 0.2 to 0.5 ms: in some runs one overtakes the other.
TEST(PassStepCost, ARunHoldsWhereTheHostOverlaps) {
  for (const double step_us : {50, 150, 200, 250, 300, 1'000})
    expect_runs_to_hold(host_of(step_us, 1, true), 3);
}

TEST(PassStepCost, AHostTakesItsTurnOrTheLonger) {
  const Deployment deployment = fused_toy();
  PassStepCost alone(deployment, {});
  PassStepCost in_turns(deployment, host_of(100, 10, false));
  PassStepCost longer(deployment, host_of(100'000, 10, true));
  PassStepCost hidden(deployment, host_of(1, 0, true));
  const DecodeLoad load{4, 4 * 512};
  const Ticks device = alone.decode(load).first;
  EXPECT_TRUE(in_turns.decode(load).first == device + ticks_of_seconds(140e-6));
  EXPECT_TRUE(longer.decode(load).first == ticks_of_seconds((100'000 + 10.0 * 4) * 1e-6));
  EXPECT_TRUE(longer.decode(load).slope == 0);
  EXPECT_TRUE(hidden.decode(load).first == device);
}

sim::Duration without_attention(const Deployment& deployment, std::int64_t tokens,
                                std::int64_t logits) {
  const PassGraph pass = lower_step(deployment, tokens, logits);
  sim::Costs costs = pass.graph.costs();
  for (const std::uint32_t op : pass.attention) costs.amount[op] = 0;
  return makespan(pass, costs);
}

/// Three decode beside one prompt of 61 tokens, where the three's attention costs `decodes`: a pass
/// of 64 tokens and 4 rows of logits without its attention, and the attention of each part.
void expect_mixed(const Deployment& deployment, sim::Duration decodes) {
  PassStepCost cost(deployment, {});
  const std::array<PromptChunk, 1> chunk{PromptChunk{61, 0}};
  const sim::Duration prompt =
      makespan(lower_prompt(deployment, 61, 1)) - without_attention(deployment, 61, 1);
  expect_near(cost.mixed({3, 3 * 256}, chunk),
              without_attention(deployment, 64, 4) + decodes + prompt);
  expect_near(cost.mixed({}, chunk), makespan(lower_prompt(deployment, 61, 1)));
}

TEST(PassStepCost, OfAMixedStepIsThatOfItsParts) {
  DeploymentRequest request = fused_request();
  request.rig.devices[0].device.architecture = "Hopper";
  const Deployment deployment = deploy(request);
  expect_mixed(deployment,
               makespan(lower_decode(deployment, 256, 3)) - without_attention(deployment, 3, 3));
}

// In one call with the prompt each of 8 query heads reads 512 bytes a token for itself, at 1.8
// times 1000 GB/s, and each sequence takes 0.8 us: (3 x 256 x 8 x 512 / 1.8e12 + 2.4e-6) x 4
// layers.
TEST(PassStepCost, DecodingBesideAPromptCostsMoreUnderFlashAttention2) {
  expect_mixed(fused_toy(), sim::from_seconds((3 * 256 * 8 * 512 / 1.8e12 + 2.4e-6) * 4));
}

TEST(PassStepCost, OfAStepRisesWithEachOfItsParts) {
  const Deployment deployment = fused_toy();
  PassStepCost cost(deployment, {});
  const auto mixed = [&](std::int64_t sequences, std::int64_t tokens, std::int64_t cached) {
    const std::array<PromptChunk, 1> chunk{PromptChunk{tokens, cached}};
    return cost.mixed({sequences, sequences * 500}, chunk);
  };
  EXPECT_TRUE(mixed(4, 500, 0) < mixed(8, 500, 0));
  EXPECT_TRUE(mixed(4, 500, 0) < mixed(4, 500, 4'000));
  EXPECT_TRUE(mixed(4, 500, 0) < mixed(4, 1'500, 0));
}

// Seven sequences draw among all words of the vocabulary, 100 bytes for each of 7 x vocab logits,
// and 50 us a step; beside a chunk it is eight.
TEST(PassStepCost, SamplingTakesItsStepAndTheLogitsOfEachSequence) {
  const Deployment deployment = fused_toy();
  ServingHost host;
  host.sampling = {.step_us = 50, .logit_bytes = 100};
  PassStepCost sampling(deployment, host);
  PassStepCost greedy(deployment, {});
  const double row_s = 100.0 * static_cast<double>(deployment.model.vocab) /
                       deployment.rig.devices[0].device.memory_bandwidth.count();
  const DecodeLoad load{7, 7 * 256};
  EXPECT_NEAR(to_seconds(sampling.decode(load).first - greedy.decode(load).first),
              50e-6 + 7 * row_s, 1e-12);
  const std::array<PromptChunk, 1> chunk{PromptChunk{64, 0}};
  EXPECT_NEAR(to_seconds(sampling.mixed(load, chunk) - greedy.mixed(load, chunk)),
              50e-6 + 8 * row_s, 1e-12);
}

// Of 3 sequences under graphs of 4: as many tokens as 4, the logits and the attention of 3.
TEST(PassStepCost, PadsToACapturedSize) {
  const Deployment deployment = fused_toy();
  ServingHost host;
  host.captured = {1, 2, 4, 8};
  PassStepCost padded(deployment, host);
  PassStepCost plain(deployment, {});
  const DecodeLoad load{3, 3 * 256};
  EXPECT_TRUE(padded.decode(load).first - plain.decode(load).first ==
              to_ticks(without_attention(deployment, 4, 1) - without_attention(deployment, 3, 1)));
}

// Devices half as fast take twice as long, for passes, decode and prompt attention alike; the host
// takes what it takes.
TEST(PassStepCost, OfSlowerDevicesIsSoManyTimesAsMuch) {
  const Deployment deployment = fused_toy();
  PassStepCost once(deployment, {});
  PassStepCost twice(deployment, {}, {2, 2});
  PassStepCost with_host(deployment, host_of(100, 0, false), {2, 2});
  const DecodeLoad load{4, 4 * 4'096};
  const std::array<PromptChunk, 1> chunk{PromptChunk{500, 2'000}};
  const double decode = to_seconds(once.decode(load).first);
  EXPECT_NEAR(to_seconds(twice.decode(load).first), 2 * decode, 1e-6 * decode);
  EXPECT_NEAR(to_seconds(with_host.decode(load).first), 2 * decode + 100e-6, 1e-6 * decode);
  const double mixed = to_seconds(once.mixed(load, chunk));
  EXPECT_NEAR(to_seconds(twice.mixed(load, chunk)), 2 * mixed, 1e-6 * mixed);
  EXPECT_THROW(PassStepCost(deployment, {}, {0, 1}), std::invalid_argument);
}

TEST(PassStepCost, CaptureSizesAreVllms) {
  const std::vector<std::int64_t> sizes = vllm_capture_sizes();
  EXPECT_EQ(sizes.size(), 51U);
  EXPECT_EQ(sizes[3], 8);
  EXPECT_EQ(sizes[33], 248);
  EXPECT_EQ(sizes[34], 256);
  EXPECT_EQ(sizes[35], 272);
  EXPECT_EQ(sizes.back(), 512);
}

TEST(PassStepCost, RefusesWhatIsNotOneStageOnDevices) {
  const Deployment two = deploy(toy_request(2));
  EXPECT_THROW(PassStepCost(two, {}), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
