#include "workloads/serving/pass_stations.h"

#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/toy_deployment.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::workloads {
namespace {

DeploymentRequest fused_request(int gpus, const ParallelPlan& plan) {
  DeploymentRequest request = toy_request(gpus);
  request.engine.style = KernelStyle::kFused;
  request.engine.tensor_parallel = true;
  request.engine.flash_attention = true;
  request.engine.kv_padding = 1;
  request.plan = plan;
  return request;
}

Ticks decode_of(const PassStations& replica, const DecodeLoad& load) {
  Ticks total = 0;
  for (const Station& station : replica.stations()) total += station.cost->decode(load).first;
  return total;
}

void expect_near(Ticks ticks, sim::Duration expected) {
  const double seconds = sim::to_seconds(expected);
  EXPECT_NEAR(to_seconds(ticks), seconds, seconds * 1e-6);
}

// A step alone passes the stages and the copies between them as the op graph has it, whatever the
// plan; the contexts are knots of the table.
TEST(PassStations, TogetherTakeAsLongAsThePass) {
  const std::array<ParallelPlan, 4> plans{{{.pp = 2}, {.pp = 4}, {.tp = 2, .pp = 2}, {.tp = 2}}};
  for (ParallelPlan plan : plans) {
    SCOPED_TRACE(testing::Message() << "tp=" << plan.tp << ",pp=" << plan.pp);
    plan.in_flight = 1;
    const Deployment deployment = deploy(fused_request(plan.tp * plan.pp, plan));
    const PassStations replica(deployment, {});
    // A host in front of several stages, and two stations between each two.
    EXPECT_EQ(replica.stations().size(),
              plan.pp > 1 ? 3U * static_cast<std::size_t>(plan.pp) - 1 : 1U);
    for (const std::int64_t sequences : {1, 7, 64}) {
      for (const std::int64_t context : {64, 1'024})
        expect_near(decode_of(replica, {sequences, sequences * context}),
                    makespan(lower_decode(deployment, context, sequences)));
    }
  }
}

// Each of the three has a stage of the op graph's prompt pass without its attention, too.
TEST(PassStations, TogetherTakeAsLongAsAPrompt) {
  const Deployment deployment = deploy(fused_request(2, {.pp = 2, .in_flight = 1}));
  const PassStations replica(deployment, {});
  const std::array<PromptChunk, 1> chunk{PromptChunk{64, 0}};
  Ticks total = 0;
  for (const Station& station : replica.stations()) total += station.cost->mixed({}, chunk);
  expect_near(total, makespan(lower_prompt(deployment, 64, 1)));
}

// Experts of the replica's own devices are priced as the plan spreads them.
TEST(PassStations, KnowWhereExpertsAre) {
  const auto time = [](int ep) {
    DeploymentRequest request = fused_request(2, {.tp = 2, .ep = ep});
    request.model.family = ModelFamily::kMoe;
    request.model.experts = Experts{.count = 8, .active = 2, .intermediate = 512};
    const Deployment deployment = deploy(request);
    const Ticks ticks = decode_of(PassStations(deployment, {}), {8, 8 * 1'024});
    expect_near(ticks, makespan(lower_decode(deployment, 1'024, 8)));
    return ticks;
  };
  EXPECT_NE(time(1), time(2));
}

// The host takes its turn in front of the first stage; where it works ahead it is in its shadow.
TEST(PassStations, OfAPipelineHaveAHostInFront) {
  const Deployment deployment = deploy(fused_request(2, {.pp = 2}));
  ServingHost host;
  host.step_us = 100;
  const PassStations plain(deployment, {});
  const PassStations in_turn(deployment, host);
  const DecodeLoad load{4, 4 * 512};
  EXPECT_EQ(in_turn.stations().size(), plain.stations().size());
  EXPECT_EQ(in_turn.stations().front().kind, StationKind::kLine);
  EXPECT_EQ(decode_of(in_turn, load) - decode_of(plain, load), ticks_of_seconds(100e-6));
  host.overlapped = true;
  EXPECT_EQ(decode_of(PassStations(deployment, host), load), decode_of(plain, load));
}

TEST(PassStations, RefuseSeveralReplicas) {
  const Deployment deployment = deploy(fused_request(2, {.dp = 2}));
  EXPECT_THROW(PassStations(deployment, {}), std::invalid_argument);
}

/// Sequences that decode in `batches` groups: the median time from the end of one's step to that of
/// its next.
Ticks round_of(const Deployment& deployment, std::int64_t batches, std::int64_t sequences,
               std::int64_t context) {
  Traffic traffic;
  for (std::int64_t i = 0; i < batches * sequences; ++i) {
    TrafficRequest request;
    request.prompt_tokens = context;
    request.output_tokens = 40;
    traffic.requests.push_back(request);
  }
  ServerConfig config;
  config.limits.kv_blocks = 10'000;
  config.limits.step_tokens = sequences * context;
  config.in_flight = static_cast<std::int32_t>(batches);
  test::CheckingObserver observer(traffic, config);
  (void)serve(traffic, config, PassStations(deployment, {}).stations(), observer);
  std::int64_t half = observer.answered / 2;
  for (const auto& [gap, count] : observer.gaps_by_length) {
    half -= count;
    if (half < 0) return gap;
  }
  return 0;
}

// As many batches as stages in flight: a round takes as long as the last of several rounds that the
// simulation runs as one op graph, where contexts grow by some tokens meanwhile.
TEST(PassStations, GoRoundAsTheGraphOfSeveralBatchesDoes) {
  for (const int stages : {2, 4}) {
    const Deployment deployment = deploy(fused_request(stages, {.pp = stages}));
    for (const std::int64_t sequences : {1, 16}) {
      SCOPED_TRACE(testing::Message() << stages << " stages, " << sequences << " sequences");
      const PassGraph pass = lower_decode(deployment, 512, stages * sequences);
      sim::Executor executor(pass.graph);
      executor.run(pass.graph.costs());
      const PassWindow window = window_of(pass, executor, sim::Time{});
      const double expected = sim::to_seconds(window.end - window.begin);
      EXPECT_NEAR(to_seconds(round_of(deployment, stages, sequences, 512)), expected,
                  0.05 * expected);
    }
  }
}

// vLLM takes the fewest blocks of all workers: here those of the stage with more layers. And as
// many steps are in flight as there are stages; asynchronous scheduling has to be asked for.
TEST(ServingSetup, OfAPipelineHasTheBlocksOfItsFullestStage) {
  DeploymentRequest request = fused_request(2, {.pp = 2, .layers_per_stage = {3, 1}});
  request.context = 1'000;
  ServingProfile profile;
  profile.limits.async_scheduling = true;
  profile.host.overlapped = true;
  const ServingSetup uneven = serving_setup(request, profile);
  EXPECT_EQ(uneven.config.in_flight, 2);
  EXPECT_FALSE(uneven.config.limits.async_scheduling);
  EXPECT_FALSE(uneven.host.overlapped);
  request.plan.layers_per_stage = {2, 2};
  const ServingSetup even = serving_setup(request, profile);
  EXPECT_GT(even.kv_blocks * 10, uneven.kv_blocks * 14);
  request.plan.in_flight = 1;
  profile.async_pipelines = true;
  const ServingSetup said = serving_setup(request, profile);
  EXPECT_EQ(said.config.in_flight, 1);
  EXPECT_TRUE(said.config.limits.async_scheduling);
}

}  // namespace
}  // namespace rigsim::workloads
