#include "workloads/serving/speculative_step_cost.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/toy_deployment.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/serving/serving_work.h"

namespace rigsim::workloads {
namespace {

DeploymentRequest fused_request() {
  DeploymentRequest request = toy_request(1);
  request.engine.style = KernelStyle::kFused;
  request.engine.flash_attention = true;
  request.engine.kv_padding = 1;
  request.context = 4'096;
  return request;
}

/// The toy model with a layer instead of its four.
DraftModel small_draft() {
  const DeploymentRequest request = fused_request();
  DraftModel draft{request.model, request.weights};
  draft.model.layers = 1;
  draft.model.max_context = 8'192;
  return draft;
}

Deployment small_deployment() { return deploy(draft_request(fused_request(), small_draft())); }

TEST(SpeculativeStepCost, WithoutDraftsIsADecodeStep) {
  const Deployment deployment = deploy(fused_request());
  SpeculativeStepCost cost(deployment, nullptr, 3, {});
  PassStepCost plain(deployment, {});
  for (const std::int64_t sequences : {1, 9, 40}) {
    const DecodeLoad load{sequences, sequences * 700};
    EXPECT_TRUE(cost.decode(load).first == plain.decode(load).first) << sequences;
    EXPECT_EQ(cost.decode(load).steps, 1);
  }
}

// 5 sequences with 3 drafts each: the model computes 20 tokens. The draft model, whose contexts are
// one longer, computes those and one more of each, then 5 tokens twice.
TEST(SpeculativeStepCost, IsThatOfItsPassesOneAfterTheOther) {
  const Deployment deployment = deploy(fused_request());
  const Deployment small = small_deployment();
  PassStepCost target(deployment, {});
  PassStepCost draft(small, {});
  const DecodeLoad load{5, 5'000, 15};
  const Ticks drafting = draft.pass({5, 5'005, 20}, {}, 5) + draft.pass({5, 5'010}, {}, 5) +
                         draft.pass({5, 5'015}, {}, 5);
  SpeculativeStepCost cost(deployment, &small, 3, {});
  EXPECT_TRUE(cost.drafting(load, {}) == drafting);
  EXPECT_TRUE(cost.decode(load).first == target.pass(load, {}, 20) + drafting);
}

// A prompt goes through the draft model, too, and each further pass has a row for it.
TEST(SpeculativeStepCost, PromptsGoThroughBothModels) {
  const Deployment deployment = deploy(fused_request());
  const Deployment small = small_deployment();
  PassStepCost target(deployment, {});
  PassStepCost draft(small, {});
  const DecodeLoad load{2, 600, 4};
  const std::array chunks{PromptChunk{100, 50}};
  const std::array longer{PromptChunk{101, 50}};
  SpeculativeStepCost cost(deployment, &small, 2, {});
  const Ticks drafting = draft.pass({2, 602, 6}, longer, 3) + draft.pass({3, 602 + 151 + 3}, {}, 3);
  EXPECT_TRUE(cost.mixed(load, chunks) == target.pass(load, chunks, 7) + drafting);
}

TEST(SpeculativeStepCost, TheHostWorksBesideOrBeforeTheDevices) {
  const Deployment deployment = deploy(fused_request());
  const DecodeLoad load{2, 600, 4};
  const Ticks device = SpeculativeStepCost(deployment, nullptr, 2, {}).decode(load).first;
  ServingHost host;
  host.step_us = 10'000;
  host.per_sequence_us = 5;
  EXPECT_TRUE(SpeculativeStepCost(deployment, nullptr, 2, host).decode(load).first ==
              device + host.share(2));
  host.overlapped = true;
  EXPECT_TRUE(SpeculativeStepCost(deployment, nullptr, 2, host).decode(load).first ==
              std::max(device, host.share(2)));
}

/// Seconds from the first tokens to the last of 20 requests, one after the other.
double answering(StepCost& cost, const Speculation& speculation) {
  Traffic traffic;
  traffic.requests.assign(20, {.prompt_tokens = 500, .output_tokens = 500});
  ServerConfig config;
  config.limits.max_sequences = 1;
  config.limits.kv_blocks = 100;
  config.limits.speculation = speculation;
  test::CheckingObserver observer(traffic, config);
  double seconds = 0;
  for (const RequestRecord& record : serve(traffic, config, cost, observer))
    seconds += sim::to_seconds(record.finished - record.first_token);
  observer.finish();
  return seconds;
}

// Leviathan et al. (2023), theorem 3.8: (1 - a^(K + 1)) / ((1 - a)(K c + 1)) times as fast, where a
// pass of the draft model takes c of one of the model, which reads its weights however few tokens
// it computes. 10,000 tokens: the mean of a step's is known to 1 %.
TEST(SpeculativeStepCost, OneSequenceIsAsMuchFasterAsTheClosedFormSays) {
  const auto fused = [](DeploymentRequest request) {
    request.engine.style = KernelStyle::kFused;
    request.engine.flash_attention = true;
    return request;
  };
  const Deployment model = deploy(fused(known_request("llama-3-8b", "BF16", 1)));
  const Deployment small = deploy(fused(known_request("llama-3.2-1b", "BF16", 1)));
  PassStepCost plain(model, {});
  PassStepCost alone(small, {});
  const double c =
      to_seconds(alone.decode({1, 750}).first) / to_seconds(plain.decode({1, 750}).first);
  for (const double a : {0.5, 0.8}) {
    for (const std::size_t tokens : {1, 4}) {
      Speculation speculation;
      speculation.tokens = static_cast<std::int64_t>(tokens);
      speculation.acceptance.assign(tokens, a);
      const auto k = static_cast<double>(tokens);
      SpeculativeStepCost cost(model, &small, speculation.tokens, {});
      const double expected = (1 - std::pow(a, k + 1)) / ((1 - a) * (k * c + 1));
      EXPECT_NEAR(answering(plain, {}) / answering(cost, speculation), expected, 0.05 * expected)
          << a << ' ' << tokens << ", c = " << c;
    }
  }
}

ServingSetup speculating_setup(std::int64_t tokens, bool with_draft) {
  ServingProfile profile;
  profile.host.captured = vllm_capture_sizes();
  profile.limits.max_sequences = 64;
  Speculating speculating{{"toy", "", tokens, {0.5}}, {}};
  if (with_draft) speculating.draft = small_draft();
  profile.speculating = speculating;
  return serving_setup(fused_request(), profile);
}

// vLLM rounds 1, 2, 4, 8, 16, ... 512 up to multiples of 6 and drops what is more than 512.
TEST(SpeculativeSetup, CapturesMultiplesOfASequencesTokens) {
  const ServingSetup setup = speculating_setup(5, true);
  const auto& captured = setup.host.captured;
  ASSERT_GE(captured.size(), 4);
  EXPECT_EQ(captured[0], 6);   // 1, 2, 4
  EXPECT_EQ(captured[1], 12);  // 8
  EXPECT_EQ(captured[2], 18);  // 16
  EXPECT_EQ(captured[3], 24);
  EXPECT_EQ(captured.back(), 498);  // 496; 512 would be 516
  for (const std::int64_t size : captured) EXPECT_EQ(size % 6, 0);
}

// The draft model's layer makes 5 of 4, and its weights are taken before the cache is cut.
TEST(SpeculativeSetup, TheDraftModelTakesItsPartOfTheMemory) {
  const ServingSetup plain = serving_setup(fused_request(), {});
  const ServingSetup setup = speculating_setup(3, true);
  const auto& before = plain.memory.devices.front();
  const auto& now = setup.memory.devices.front();
  const sim::Bytes free = now.capacity - (now.items.total() - now.items.kv_cache);
  const std::int64_t block = 5 * (2 * 256 * 2) * setup.config.limits.kv_block_tokens;
  EXPECT_EQ(setup.kv_blocks, free.count() / block);
  EXPECT_LT(setup.kv_blocks, plain.kv_blocks * 4 / 5 + 1);
  EXPECT_GT(now.items.weights, before.items.weights);
  EXPECT_EQ(setup.config.limits.step_tokens, 2'048 - 64);
  EXPECT_EQ(setup.config.limits.speculation.lookahead, 3);
}

TEST(SpeculativeSetup, WithoutADraftModelNothingIsScheduledAhead) {
  const ServingSetup setup = speculating_setup(3, false);
  EXPECT_FALSE(setup.config.limits.async_scheduling);
  EXPECT_FALSE(setup.host.overlapped);
  EXPECT_EQ(setup.config.limits.step_tokens, 2'048);
  EXPECT_EQ(setup.config.limits.speculation.lookahead, 0);
  EXPECT_EQ(setup.kv_blocks, serving_setup(fused_request(), {}).kv_blocks);
}

TEST(SpeculativeSetup, RefusesWhatVllmDoes) {
  DraftModel other = small_draft();
  other.model.vocab += 64;
  EXPECT_THROW((void)draft_request(fused_request(), other), std::invalid_argument);
  DraftModel shorter = small_draft();
  shorter.model.max_context = 1'024;
  EXPECT_THROW((void)draft_request(fused_request(), shorter), std::invalid_argument);
  BatchLimits limits;
  limits.step_tokens = limits.max_sequences;
  ServingHost host;
  EXPECT_THROW(speculate({{"toy", "", 3, {0.5}}, small_draft()}, limits, host),
               std::invalid_argument);
}

// By hand from the toy models' 9.4 M weights a layer and heads of 1.024 M: a sequence with 2 drafts
// is 3 tokens of 4 layers with a head each; then 4 tokens and 1 of 1 layer, with a head each pass.
// It has 100 tokens behind the step: queries meet 100 + 99 + 98 keys in 4 layers; in the draft
// model 101 + 100 + 99 + 98, then 102, in 1. Each pair takes 4 x 1024 FLOPs.
TEST(ServingWork, CountsDraftsAndTheDraftModelsPassesByHand) {
  const ServingSetup setup = speculating_setup(2, true);
  ServingWork work(setup);
  StepRecord step;
  step.decodes = 1;
  step.kv_tokens = 100;
  step.drafts = 2;
  step.draft_pairs = 99 + 98;
  const std::int64_t layer = 2LL * 1024 * (2 * 1024 + 2 * 256 + 3 * 2048);
  const std::int64_t head = 2LL * 1000 * 1024;
  const std::int64_t pairs = 4LL * 1024;
  const std::int64_t target = 3 * (4 * layer + head) + pairs * 4 * (100 + 99 + 98);
  const std::int64_t drafting = 5 * layer + 2 * head + pairs * (101 + 100 + 99 + 98) + pairs * 102;
  EXPECT_EQ(static_cast<std::int64_t>(work.of(step).flops), target + drafting);
}

}  // namespace
}  // namespace rigsim::workloads
