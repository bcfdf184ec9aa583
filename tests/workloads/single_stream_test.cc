#include "workloads/single_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/workloads/toy_deployment.h"
#include "topology/rig_builder.h"

namespace rigsim::workloads {
namespace {

using namespace sim::literals;
using sim::Bytes;
using sim::Duration;
using ::testing::HasSubstr;

SingleStreamResult run(const DeploymentRequest& request, const SingleStream& work) {
  return run_single_stream(deploy(request), work);
}

/// Decode steps, each lowered by itself.
Duration step_by_step(const Deployment& d, std::int64_t first_context, std::int64_t steps,
                      std::int64_t batch) {
  Duration total{};
  for (std::int64_t i = 0; i < steps; ++i)
    total += makespan(lower_decode(d, first_context + i, batch));
  return total;
}

class Recorder : public PassObserver {
 public:
  void pass_executed(const ExecutedPass& executed, const PassGraph& /*pass*/,
                     const sim::Executor& /*executor*/) override {
    passes.push_back(executed);
  }
  std::vector<ExecutedPass> passes;
};

// 32 steps of one padding unit cost the same and run once; the sum is exact to the picosecond all
// the same. Prompts end in the middle, at the end and at the start of a unit.
TEST(SingleStream, DecodesAsIfEachStepWereLoweredByItself) {
  for (const int gpus : {1, 2}) {
    const Deployment d = deploy(toy_request(gpus));
    for (const std::int64_t prompt : {1, 31, 32, 33, 100}) {
      const auto result = run_single_stream(d, {.prompt_tokens = prompt, .output_tokens = 80});
      EXPECT_EQ(result.decode.duration, step_by_step(d, prompt + 1, 79, 1)) << prompt;
      EXPECT_EQ(result.decode.tokens, 79);
    }
  }
}

TEST(SingleStream, DecodesWithoutPaddingToo) {
  DeploymentRequest request = toy_request(1);
  request.engine.kv_padding = 1;
  const Deployment d = deploy(request);
  const auto result = run_single_stream(d, {.prompt_tokens = 10, .output_tokens = 21, .batch = 3});
  EXPECT_EQ(result.decode.duration, step_by_step(d, 11, 20, 3));
}

// llama-bench's tg test: no prompt, the first token attends to itself.
TEST(SingleStream, DecodesFromAnEmptyContext) {
  const Deployment d = deploy(toy_request(1));
  const auto result = run_single_stream(d, {.prompt_tokens = 0, .output_tokens = 40});
  EXPECT_EQ(result.prefill.duration, Duration::zero());
  EXPECT_EQ(result.prefill.tokens, 0);
  EXPECT_EQ(result.ttft, Duration::zero());
  EXPECT_EQ(result.decode.tokens, 40);
  EXPECT_EQ(result.decode.duration, step_by_step(d, 1, 40, 1));
  EXPECT_EQ(result.e2e, result.decode.duration);
}

// llama-bench -d 1000: what is cached comes on top of the prompt.
TEST(SingleStream, DecodesBehindACachedContext) {
  const Deployment d = deploy(toy_request(1));
  const auto bare =
      run_single_stream(d, {.prompt_tokens = 0, .output_tokens = 40, .context_tokens = 1000});
  EXPECT_EQ(bare.decode.duration, step_by_step(d, 1001, 40, 1));
  const auto both =
      run_single_stream(d, {.prompt_tokens = 50, .output_tokens = 41, .context_tokens = 1000});
  EXPECT_EQ(both.decode.duration, step_by_step(d, 1051, 40, 1));
  EXPECT_EQ(both.ttft, makespan(lower_prompt(d, 50, 1, 1000)));
}

// The prompt's pass gives the first token, 9 steps the others.
TEST(SingleStream, CountsTokensAndTimes) {
  const auto result = run(toy_request(1), {.prompt_tokens = 100, .output_tokens = 10, .batch = 4});
  EXPECT_EQ(result.prefill.tokens, 400);
  EXPECT_EQ(result.decode.tokens, 36);
  EXPECT_EQ(result.ttft, result.prefill.duration);
  EXPECT_EQ(result.tpot, result.decode.duration / 9);
  EXPECT_EQ(result.e2e, result.prefill.duration + result.decode.duration);
  EXPECT_DOUBLE_EQ(result.decode.tokens_per_s(), 36 / sim::to_seconds(result.decode.duration));
}

TEST(SingleStream, MayEndWithThePrompt) {
  for (const std::int64_t output : {0, 1}) {
    const auto result = run(toy_request(1), {.prompt_tokens = 700, .output_tokens = output});
    EXPECT_GT(result.ttft, Duration::zero());
    EXPECT_EQ(result.decode.tokens, 0);
    EXPECT_EQ(result.tpot, Duration::zero());
    EXPECT_EQ(result.decode.tokens_per_s(), 0);
  }
}

// Weights are read once a step whatever the batch; only caches and activations grow.
TEST(SingleStream, BatchesShareTheWeights) {
  const auto one = run(toy_request(1), {.prompt_tokens = 64, .output_tokens = 20});
  const auto four = run(toy_request(1), {.prompt_tokens = 64, .output_tokens = 20, .batch = 4});
  EXPECT_GT(four.decode.duration, one.decode.duration);
  EXPECT_LT(four.decode.duration, 2 * one.decode.duration);
  EXPECT_EQ(four.decode.tokens, 4 * one.decode.tokens);
}

// 10 + 70 tokens: contexts 11 to 32, 33 to 64, 65 to 79 cost the same each.
TEST(SingleStream, ShowsEveryPassToItsObserver) {
  Recorder recorder;
  const Deployment d = deploy(toy_request(2));
  const auto result = run_single_stream(
      d, {.prompt_tokens = 10, .output_tokens = 70, .batch = 2, .context_tokens = 0}, &recorder);
  ASSERT_EQ(recorder.passes.size(), 4U);
  EXPECT_EQ(recorder.passes[0].phase, Phase::kPrefill);
  EXPECT_EQ(recorder.passes[0].tokens, 20);
  EXPECT_EQ(recorder.passes[0].context, 10);
  const std::vector<std::int64_t> contexts{11, 33, 65};
  const std::vector<std::int64_t> repeats{22, 32, 15};
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(recorder.passes[i + 1].phase, Phase::kDecode);
    EXPECT_EQ(recorder.passes[i + 1].context, contexts[i]);
    EXPECT_EQ(recorder.passes[i + 1].repeats, repeats[i]);
    EXPECT_EQ(recorder.passes[i + 1].tokens, 2);
    EXPECT_EQ(recorder.passes[i + 1].batch, 2);
  }
  sim::Time now{};
  for (const ExecutedPass& pass : recorder.passes) {
    EXPECT_EQ(pass.start, now);
    now += pass.duration * pass.repeats;
  }
  EXPECT_EQ(now - sim::Time{}, result.e2e);
}

TEST(SingleStream, SharesTileEachPhase) {
  const auto result = run(toy_request(2), {.prompt_tokens = 1500, .output_tokens = 100});
  for (const PhaseResult* phase : {&result.prefill, &result.decode}) {
    const double total = sim::to_seconds(phase->duration);
    EXPECT_NEAR(phase->critical_path.total_s(), total, 1e-9 * total);
    for (const TimeShare& device : phase->devices)
      EXPECT_NEAR(device.total_s(), total, 1e-9 * total);
    EXPECT_NEAR(phase->device_share().total_s(), 1, 1e-9);
  }
}

TEST(SingleStream, GivesTheSameBitsTwice) {
  const SingleStream work{.prompt_tokens = 700, .output_tokens = 90, .batch = 3};
  const auto a = run(toy_request(3), work);
  const auto b = run(toy_request(3), work);
  EXPECT_EQ(a.ttft, b.ttft);
  EXPECT_EQ(a.e2e, b.e2e);
  EXPECT_EQ(a.decode.critical_path.memory_s, b.decode.critical_path.memory_s);
  EXPECT_EQ(a.decode.devices[1].bubble_s, b.decode.devices[1].bubble_s);
  EXPECT_EQ(a.prefill.devices[2].link_s, b.prefill.devices[2].link_s);
}

std::string complaint(const SingleStream& work) {
  try {
    (void)run(toy_request(1), work);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(SingleStream, RefusesWhatIsNoRun) {
  EXPECT_THAT(complaint({.prompt_tokens = -1}), HasSubstr("prompt tokens must be >= 0, got -1"));
  EXPECT_THAT(complaint({.output_tokens = -2}), HasSubstr("output tokens must be >= 0, got -2"));
  EXPECT_THAT(complaint({.prompt_tokens = 0, .output_tokens = 0}), HasSubstr("cannot both be 0"));
  EXPECT_THAT(complaint({.batch = 0}), HasSubstr("batch must be >= 1, got 0"));
  EXPECT_THAT(complaint({.context_tokens = -5}), HasSubstr("context tokens must be >= 0, got -5"));
}

// ---- What the critical path says, seen in the printed figures

void set_cables(topology::Rig& rig, sim::Bandwidth rate) {
  for (auto& cable : rig.cables) cable.per_direction = rate;
}

/// The hidden state of `tokens` from gpu0 to gpu1.
Duration copy_time(const DeploymentRequest& request, std::int64_t tokens) {
  return deploy(request).network.route(0, 1).time(Bytes(tokens * 1024 * 4));
}

// Cables of 5 instead of 26.5 GB/s: 512 x 1,024 floats take 419.4 instead of 95.3 us. All of that
// is exposed in a prompt of one micro-batch; of a token's 4,096 bytes each step pays the
// difference.
TEST(SingleStream, MovesByAnExposedCopysDifference) {
  const DeploymentRequest fast = toy_request(2);
  DeploymentRequest slow = fast;
  set_cables(slow.rig, 5_GBps);
  const SingleStream work{.prompt_tokens = 512, .output_tokens = 31};
  const auto before = run(fast, work);
  const auto after = run(slow, work);
  const Duration prompt = copy_time(slow, 512) - copy_time(fast, 512);
  EXPECT_NEAR(sim::to_seconds(prompt), 512 * 4096 / 5e9 - 512 * 4096 / 22e9, 1e-11);
  EXPECT_EQ(after.ttft - before.ttft, prompt);
  EXPECT_EQ(after.decode.duration - before.decode.duration,
            30 * (copy_time(slow, 1) - copy_time(fast, 1)));
  EXPECT_NEAR(after.prefill.critical_path.link_s - before.prefill.critical_path.link_s,
              sim::to_seconds(prompt), 1e-12);
}

// Of four micro-batches three are copied while the first stage works on the next: the slower link
// shows once, not four times.
TEST(SingleStream, HidesTheCopiesOfEarlierMicroBatches) {
  const DeploymentRequest fast = toy_request(2);
  DeploymentRequest slow = fast;
  set_cables(slow.rig, 5_GBps);
  const auto ttft = [](const DeploymentRequest& request) {
    Deployment d = deploy(request);
    d.stages.back().has_head = false;
    return run_single_stream(d, {.prompt_tokens = 2048, .output_tokens = 1}).ttft;
  };
  EXPECT_EQ(ttft(slow) - ttft(fast), copy_time(slow, 512) - copy_time(fast, 512));
}

// 100 us more at the boundary: 100 us more to the first token, and on each later one.
TEST(SingleStream, MovesByABoundarysSynchronisation) {
  const DeploymentRequest fast = toy_request(2);
  DeploymentRequest slow = fast;
  for (auto& backend : slow.engine.backends) backend.boundary_sync_us = 400;
  const SingleStream work{.prompt_tokens = 512, .output_tokens = 31};
  const Duration more = std::chrono::microseconds(100);
  EXPECT_EQ(run(slow, work).ttft - run(fast, work).ttft, more);
  EXPECT_EQ(run(slow, work).tpot - run(fast, work).tpot, more);
}

// Kernels that cost 1 us more each, 30 a layer and 4 in the head: 4 x 30 + 4 us a token.
TEST(SingleStream, MovesByEachKernelsFixedCost) {
  const DeploymentRequest fast = toy_request(1);
  DeploymentRequest slow = fast;
  slow.engine.backends[0].kernel_latency_us = 3;
  const SingleStream work{.prompt_tokens = 32, .output_tokens = 11};
  EXPECT_EQ(run(slow, work).tpot - run(fast, work).tpot, std::chrono::microseconds(124));
}

// ---- Power limits

DeploymentRequest limited(int gpus, sim::Watts limit) {
  DeploymentRequest request = toy_request(gpus);
  for (auto& installed : request.rig.devices) installed.power_limit = limit;
  return request;
}

constexpr SingleStream kPowerWork{.prompt_tokens = 1024, .output_tokens = 200};

TEST(SingleStream, IsNotTouchedByALimitAtTheDatasheetsPower) {
  EXPECT_EQ(run(limited(1, 300_W), kPowerWork).e2e, run(toy_request(1), kPowerWork).e2e);
}

TEST(SingleStream, SlowsDownWithThePowerLimit) {
  auto last = run(toy_request(1), kPowerWork);
  for (const double watts : {250.0, 200.0, 150.0}) {
    const auto now = run(limited(1, sim::Watts(watts)), kPowerWork);
    EXPECT_GT(now.ttft, last.ttft) << watts;
    EXPECT_GE(now.tpot, last.tpot) << watts;
    last = now;
  }
  EXPECT_GT(last.tpot, run(toy_request(1), kPowerWork).tpot);
}

// At 150 of 300 W a card that always works is held back. Two that take turns average 0.5 x 0.7 x
// 300 + 0.5 x 0.2 x 300 = 135 W at full clock: decode is as fast as without a limit.
TEST(SingleStream, SparesCardsThatWaitHalfTheTime) {
  Deployment free = equal_stages(2, 2);
  Deployment held = free;
  for (auto& installed : held.rig.devices) installed.power_limit = 150_W;
  const SingleStream work{.prompt_tokens = 0, .output_tokens = 50};
  EXPECT_EQ(run_single_stream(held, work).tpot, run_single_stream(free, work).tpot);
  EXPECT_GT(run(limited(1, 150_W), work).tpot, run(toy_request(1), work).tpot);
}

// ---- Host

// Llama-3-8B in Q4_K_M: a layer reads 0.14 GB, at 100 GB/s ten times as slow as on the card.
TEST(SingleStream, GainsFromEveryLayerOnTheGpu) {
  Duration last = Duration::max();
  for (const int layers : {0, 1, 2, 8, 16, 31, 32, 33}) {
    DeploymentRequest request = known_request("llama-3-8b", "Q4_K_M", 1);
    request.plan.gpu_layers = layers;
    const auto result = run(request, {.prompt_tokens = 100, .output_tokens = 3});
    EXPECT_LT(result.tpot, last) << layers;
    last = result.tpot;
  }
  EXPECT_EQ(last, run(known_request("llama-3-8b", "Q4_K_M", 1),
                      {.prompt_tokens = 100, .output_tokens = 3})
                      .tpot);
}

// 70B in Q4_K_M, 42.5 GB, on one card of 24 GiB: 35 of its 80 layers on the card, the others read
// at 100 GB/s. Slow (more than 45/81 x 42.5 GB / 100 GB/s = 236 ms a token), not impossible.
TEST(SingleStream, RunsAModelLargerThanTheCard) {
  DeploymentRequest request = known_request("llama-3-70b", "Q4_K_M", 1);
  request.plan.gpu_layers = 35;
  const auto result = run(request, {.prompt_tokens = 64, .output_tokens = 3});
  EXPECT_GT(result.tpot, std::chrono::milliseconds(200));
  EXPECT_LT(result.tpot, std::chrono::milliseconds(350));
}

DeploymentRequest cpu_only() {
  DeploymentRequest request = toy_request(1);
  topology::RigRequest rig;
  rig.name = "cpu";
  rig.devices.push_back({toy_cpu(), "", {}});
  request.rig = topology::build_rig(rig);
  return request;
}

TEST(SingleStream, RunsOnACpuAlone) {
  const SingleStream work{.prompt_tokens = 600, .output_tokens = 20};
  const auto cpu = run(cpu_only(), work);
  const auto gpu = run(toy_request(1), work);
  EXPECT_GT(cpu.ttft, gpu.ttft);
  EXPECT_GT(cpu.tpot, gpu.tpot);
}

// A CPU as the rig's device and a CPU that the host lends cost the same per token.
TEST(SingleStream, PricesTheHostsCpuLikeACpu) {
  DeploymentRequest lent = toy_request(1);
  lent.plan.gpu_layers = 0;
  const SingleStream work{.prompt_tokens = 0, .output_tokens = 20};
  EXPECT_EQ(run(lent, work).decode.duration, run(cpu_only(), work).decode.duration);
}

// ---- Evidence

TEST(SingleStream, IsAsGoodAsItsWeakestDevice) {
  DeploymentRequest request = toy_request(2);
  EXPECT_EQ(run(request, {}).evidence, Evidence::kDatasheet);
  request.engine.backends[0].devices["toy-gpu"] = {};
  EXPECT_EQ(run(request, {}).evidence, Evidence::kDatasheet);  // F16 itself was not fitted
  request.engine.backends[0].formats["F16"] = request.engine.backends[0].formats.at("");
  EXPECT_EQ(run(request, {}).evidence, Evidence::kFitted);
  request.batch = 2;  // beyond the single sequences of the fit
  EXPECT_EQ(run(request, {}).evidence, Evidence::kDatasheet);
  request.batch = 1;
  request.plan.gpu_layers = 3;  // the host's CPU is not fitted
  EXPECT_EQ(run(request, {}).evidence, Evidence::kDatasheet);
}

}  // namespace
}  // namespace rigsim::workloads
