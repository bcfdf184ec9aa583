#include "workloads/serving/ggml_pipeline.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/toy_deployment.h"
#include "workloads/serving/pass_stations.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::workloads {
namespace {

void expect_near(Ticks ticks, sim::Duration expected, double error = 1e-6) {
  const double seconds = sim::to_seconds(expected);
  EXPECT_NEAR(to_seconds(ticks), seconds, seconds * error);
}

StepCost& whole(const PassStations& replica) { return *replica.stations().front().cost; }

/// A launch costs the host 4 us, and a stream holds so many.
DeploymentRequest queued(DeploymentRequest request, int depth, bool blocks = false) {
  for (BackendProfile& backend : request.engine.backends) {
    backend.submit_us = 4;
    backend.launch_queue_depth = depth;
    backend.staged_copy_blocks = blocks;
  }
  return request;
}

/// Copies between several stages share links there.
void expect_prompts_of_the_graph(const Deployment& deployment) {
  const double error = deployment.stages.size() == 2 ? 1e-6 : 5e-3;
  const PassStations replica(deployment, {});
  for (const std::int64_t tokens : {5, 200, 512, 513, 1'300, 2'048}) {
    SCOPED_TRACE(testing::Message() << tokens << " tokens");
    const std::array chunk{PromptChunk{tokens, 0}};
    expect_near(whole(replica).mixed({}, chunk), makespan(lower_prompt(deployment, tokens, 1)),
                error);
  }
}

// The recursion over launches gives what the op graph does, whether the queue holds a stage, a part
// of it, or whatever comes; and where the host waits for copies.
TEST(GgmlPipeline, TakesAPromptAsTheGraphDoes) {
  for (const int stages : {2, 3, 4}) {
    for (const int depth : {0, 60, 100, 1'024}) {
      SCOPED_TRACE(testing::Message() << stages << " stages, queue of " << depth);
      expect_prompts_of_the_graph(deploy(queued(toy_request(stages), depth)));
    }
    expect_prompts_of_the_graph(deploy(queued(toy_request(stages), 60, true)));
  }
}

// Layers of Q4_K_M are of several kinds: some tensors of some layers are Q6_K.
TEST(GgmlPipeline, TakesLayersOfSeveralKindsAsTheGraphDoes) {
  expect_prompts_of_the_graph(deploy(queued(known_request("llama-3-8b", "Q4_K_M", 2), 512)));
}

TEST(GgmlPipeline, TakesAPromptOnUnlikeDevicesAsTheGraphDoes) {
  DeploymentRequest request = toy_request(2);
  request.rig.devices[1].device.memory_bandwidth = sim::Bandwidth(3e11);
  request.rig.devices[1].device.peak.fp16_tensor_fp32acc = sim::FlopRate(2e13);
  expect_prompts_of_the_graph(deploy(queued(request, 60)));
}

// The contexts are knots of the table.
TEST(GgmlPipeline, TakesADecodeStepAsTheGraphDoes) {
  for (const int stages : {2, 4}) {
    const Deployment deployment = deploy(queued(toy_request(stages), 60));
    const PassStations replica(deployment, {});
    for (const std::int64_t sequences : {1, 4, 32}) {
      for (const std::int64_t context : {64, 1'024}) {
        expect_near(whole(replica).decode({sequences, sequences * context}).first,
                    makespan(lower_decode(deployment, context, sequences)));
      }
    }
  }
}

// llama_decode takes 2,048 tokens; those that answer nothing are followed at once, so that batch
// after batch takes what all of the prompt does in one graph.
TEST(GgmlPipeline, FollowsABatchThatNobodyWaitsFor) {
  constexpr std::int64_t kBatch = 2'048;
  for (const int stages : {2, 4}) {
    for (const int depth : {60, 1'024}) {
      const Deployment deployment = deploy(queued(toy_request(stages), depth));
      const PassStations replica(deployment, {});
      for (const std::int64_t tokens : {2 * kBatch, 3 * kBatch + 700}) {
        SCOPED_TRACE(testing::Message() << stages << " stages, " << tokens << " tokens");
        Ticks total = 0;
        for (std::int64_t done = 0; done < tokens; done += kBatch) {
          const std::array chunk{
              PromptChunk{std::min(kBatch, tokens - done), done, std::min(kBatch, done)}};
          total += whole(replica).mixed({}, chunk);
        }
        expect_near(total, makespan(lower_prompt(deployment, tokens, 1)), 2e-3);
      }
    }
  }
}

// Of a decode step the stages compute all but the boundary, 300 us, and the copy of 4 rows of 1,024
// 32-bit numbers, 12 us + 16,384 B / 22 GB/s. Of a prompt of four micro-batches on two stages the
// two together compute longer than it takes.
TEST(GgmlPipeline, SaysWhatEachStageComputes) {
  const Deployment deployment = deploy(toy_request(2));
  const PassStations replica(deployment, {});
  const Station& station = replica.stations().front();
  ASSERT_EQ(station.stages.size(), 2U);
  const DecodeLoad load{4, 4 * 500};
  const StepRun step = station.cost->decode(load);
  const StepRun first = station.stages[0]->decode(load);
  const StepRun second = station.stages[1]->decode(load);
  EXPECT_NEAR(to_seconds(step.first - first.first - second.first),
              300e-6 + 12e-6 + 4 * 1'024 * 4 / 22e9, 1e-9);
  EXPECT_TRUE(step.slope == first.slope + second.slope);
  const std::array chunk{PromptChunk{2'048, 0}};
  const Ticks prompt = station.cost->mixed({}, chunk);
  const Ticks one = station.stages[0]->mixed({}, chunk);
  const Ticks other = station.stages[1]->mixed({}, chunk);
  EXPECT_TRUE(one < prompt && other < prompt && one + other > prompt);
}

TEST(GgmlPipeline, OnSlowerDevicesTakesSoManyTimesAsLong) {
  const Deployment deployment = deploy(queued(toy_request(2), 60));
  const PassStations once(deployment, {});
  const PassStations slower(deployment, {}, {2, 3});
  const DecodeLoad load{4, 4 * 1'024};
  const std::array chunk{PromptChunk{1'500, 0}};
  const auto ratio = [](Ticks a, Ticks b) { return to_seconds(a) / to_seconds(b); };
  EXPECT_NEAR(ratio(whole(slower).decode(load).first, whole(once).decode(load).first), 2, 1e-6);
  EXPECT_NEAR(ratio(whole(slower).mixed(load, chunk), whole(once).mixed(load, chunk)), 3, 1e-6);
}

// A step waits for the host in turn.
TEST(GgmlPipeline, HasTheHostInFront) {
  const Deployment deployment = deploy(toy_request(2));
  ServingHost host;
  host.step_us = 100;
  const DecodeLoad load{4, 4 * 512};
  EXPECT_TRUE(whole(PassStations(deployment, host)).decode(load).first -
                  whole(PassStations(deployment, {})).decode(load).first ==
              ticks_of_seconds(100e-6));
}

// Every slot's cache is spread over the stages: with 32 tokens more for each of four slots, the
// device with three of the four layers has too little room, the other has not.
TEST(ServingSetup, OfLlamaCppHasTheContextOfItsFullestDevice) {
  DeploymentRequest request = toy_request(2);
  request.model.max_context = request.context = 50'000'000;
  request.plan.layers_per_stage = {3, 1};
  ServingProfile profile;
  profile.batching = LlamaCppBatching{};
  profile.limits.max_sequences = 4;
  profile.limits.async_scheduling = false;
  const ServingSetup setup = serving_setup(request, profile);
  EXPECT_EQ(setup.config.in_flight, 1);
  EXPECT_TRUE(setup.memory.fits());
  request.batch = 4;
  request.context = setup.config.max_context + 32;
  const MemoryPlan more = plan_memory(memory_request(request));
  EXPECT_GT(more.devices[0].shortfall(), sim::Bytes(0));
  EXPECT_EQ(more.devices[1].shortfall(), sim::Bytes(0));
}

TEST(ServingSetup, OfLlamaCppHasOneStepOnItsWay) {
  DeploymentRequest request = toy_request(2);
  request.plan.in_flight = 2;
  ServingProfile profile;
  EXPECT_THROW((void)serving_setup(request, profile), std::invalid_argument);  // a ggml engine
  request.engine.style = KernelStyle::kFused;
  EXPECT_EQ(serving_setup(request, profile).config.in_flight, 2);
  profile.batching = LlamaCppBatching{};
  EXPECT_THROW((void)serving_setup(request, profile), std::invalid_argument);
}

/// Two stages of 10 and 6 us, and micro-batches of 8 tokens: a step that decodes passes both (16
/// us); of m micro-batches each but the first follows the one in front by 10 us, also where that is
/// one of the batch before.
class TwoStages final : public StepCost {
 public:
  StepRun decode(const DecodeLoad&) override { return {us(16), 0, std::int64_t{1} << 40}; }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    std::int64_t tokens = load.sequences;
    std::int64_t last = 6;
    for (const PromptChunk& each : chunks) {
      tokens += each.tokens;
      if (each.behind > 0) last = 0;
    }
    return us(10 * ((tokens + 7) / 8) + last);
  }
  static Ticks us(std::int64_t count) { return to_ticks(sim::Duration(count * 1'000'000)); }
};

/// One of them.
class OneStage final : public StepCost {
 public:
  explicit OneStage(std::int64_t us) : us_(us) {}
  StepRun decode(const DecodeLoad&) override {
    return {TwoStages::us(us_), 0, std::int64_t{1} << 40};
  }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    std::int64_t tokens = load.sequences;
    for (const PromptChunk& each : chunks) tokens += each.tokens;
    return TwoStages::us(us_ * ((tokens + 7) / 8));
  }

 private:
  std::int64_t us_;
};

struct Arrival {
  std::int64_t us, prompt, output;
};

/// When the first and the last token of each request are out.
std::vector<std::pair<std::int64_t, std::int64_t>> served(const std::vector<Arrival>& arrivals,
                                                          std::vector<std::vector<Ticks>>& busy) {
  Traffic traffic;
  for (const Arrival& each : arrivals) {
    TrafficRequest request;
    request.arrival = sim::Time(sim::Duration(each.us * 1'000'000));
    request.prompt_tokens = each.prompt;
    request.output_tokens = each.output;
    traffic.requests.push_back(request);
  }
  ServerConfig config;
  config.batching = LlamaCppBatching{};
  config.limits.max_sequences = 2;
  config.limits.step_tokens = 16;
  config.limits.kv_blocks = 100;
  test::CheckingObserver observer(traffic, config);
  TwoStages cost;
  OneStage first(10), second(6);
  const std::array<StepCost*, 2> stages{&first, &second};
  const std::array station{Station{&cost, StationKind::kStage, stages}};
  std::vector<std::pair<std::int64_t, std::int64_t>> times;
  for (const RequestRecord& record : serve(traffic, config, station, observer))
    times.emplace_back(record.first_token.time_since_epoch().count() / 1'000'000,
                       record.finished.time_since_epoch().count() / 1'000'000);
  observer.finish();
  busy = observer.busy();
  return times;
}

// llama-server on two devices, two slots, n_batch 16, n_ubatch 8 (update_slots of
// tools/server/server.cpp at ggml-org/llama.cpp@aa6192d; llama_decode does not wait,
// llama_get_logits does). A has 40 tokens and 3 to answer, B 4 and 2, C 12 and 1.
//
//   0 us  A: 16 tokens, two micro-batches: 10 + 10 + 6 = 26 us; nothing comes of it
//  26     A: 16 more right behind them: 20 us
//  46     B (which came at 30, in slot 0) 4 and A: the last 8, right behind: two micro-batches: 20
//  us, at the end of which the first tokens of both are out 66     A and B decode: 16 us; B is done
//  82     C (which came at 70) takes B's slot: A's row and 12 tokens are two micro-batches: 26 us.
//         A is done, and C is with its first token
// 108
//
// The first stage computes 10 us for each of 2 + 2 + 2 + 2 micro-batches and the decode step, the
// second 6 us.
TEST(GgmlPipeline, ServesAScheduleTracedByHand) {
  std::vector<std::vector<Ticks>> busy;
  const auto times = served({{0, 40, 3}, {30, 4, 2}, {70, 12, 1}}, busy);
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{
      {66, 108}, {66, 82}, {108, 108}};
  EXPECT_EQ(times, expected);
  ASSERT_EQ(busy.size(), 1U);
  EXPECT_TRUE(busy[0][0] == TwoStages::us(108));
  EXPECT_TRUE(busy[0][1] == TwoStages::us(90));
  EXPECT_TRUE(busy[0][2] == TwoStages::us(54));
}

// B, in slot 0, goes before A. Its answers are waited for, so that A's parts do not follow each
// other: B's 8 tokens and 8 of A take 26 us, B's row and 15 of A 26, A's last token 16.
TEST(GgmlPipeline, WaitsForABatchThatAnswers) {
  std::vector<std::vector<Ticks>> busy;
  const auto times = served({{0, 24, 1}, {0, 8, 2}}, busy);
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected{{68, 68}, {26, 52}};
  EXPECT_EQ(times, expected);
}

}  // namespace
}  // namespace rigsim::workloads
