#include "workloads/serving/serving_work.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

ServingSetup toy_setup() {
  DeploymentRequest request = toy_request(1);
  request.engine.style = KernelStyle::kFused;
  request.context = 4'096;
  return serving_setup(request, {});
}

TEST(CappedSeries, IsTheSumOfItsTerms) {
  for (const std::int64_t first : {1, 5, 20, 30}) {
    for (const std::int64_t growth : {0, 1, 3}) {
      for (const std::int64_t steps : {1, 2, 9, 40}) {
        std::int64_t sum = 0;
        for (std::int64_t i = 0; i < steps; ++i)
          sum += std::min<std::int64_t>(first + i * growth, 25);
        EXPECT_TRUE(capped_series(first, growth, steps, 25) == sum)
            << first << ' ' << growth << ' ' << steps;
      }
    }
  }
}

// The toy model has 4 layers: Q and output 1024 x 1024, K and V 256 x 1024, three matrices of
// 2048 x 1024 in the FFN, 9.4 M weights a layer, and a head of 1000 x 1024. A key and a value of 8
// heads of 128: 4 x 1024 FLOPs a layer. 100 tokens of a prompt that is new meet 100 x 101 / 2 keys.
TEST(ServingWork, CountsThePromptsFlopsByHand) {
  const ServingSetup setup = toy_setup();
  ServingWork work(setup);
  StepRecord prompt;
  prompt.chunks = 1;
  prompt.prompt_tokens = 100;
  prompt.prompt_kv_tokens = 100;
  prompt.prompt_pairs = 5'050;
  const std::int64_t layer = 2 * 1'024 * 1'024 + 2 * 256 * 1'024 + 3 * 2'048 * 1'024;
  const std::int64_t flops =
      2 * 100 * 4 * layer + 2 * 1'000 * 1'024 + 4 * 5'050 * std::int64_t{4'096};
  EXPECT_TRUE(work.of(prompt).flops == flops) << static_cast<double>(work.of(prompt).flops);
  EXPECT_EQ(work.peak_flops(), 100e12);
  EXPECT_EQ(work.peak_bandwidth(), 1e12);
}

// Each step reads all weights, and of 3 sequences 600 tokens of 2 x 2 x 128 values of 2 bytes in 4
// layers, and writes three more.
TEST(ServingWork, CountsADecodeStepsBytesByHand) {
  const ServingSetup setup = toy_setup();
  ServingWork work(setup);
  StepRecord step;
  step.decodes = 3;
  step.kv_tokens = 600;
  std::int64_t weights = 0;
  for (const auto& layer : setup.deployment.weights.layers) {
    for (const StoredTensor& tensor : layer) weights += tensor.bytes.count();
  }
  for (const StoredTensor& tensor : setup.deployment.weights.head) weights += tensor.bytes.count();
  EXPECT_TRUE(work.of(step).bytes == weights + 603 * 4 * 2 * 2 * 128 * 2)
      << static_cast<double>(work.of(step).bytes) << " of " << weights;
}

TEST(ServingWork, OfALeapIsThatOfItsSteps) {
  const ServingSetup setup = toy_setup();
  ServingWork work(setup);
  StepRecord leap;
  leap.decodes = 7;
  leap.kv_tokens = 1'234;
  leap.steps = 57;
  StepWork single;
  StepRecord step = leap;
  step.steps = 1;
  for (int i = 0; i < 57; ++i) {
    single += work.of(step);
    step.kv_tokens += 7;
  }
  const StepWork all = work.of(leap);
  EXPECT_TRUE(all.flops == single.flops);
  EXPECT_TRUE(all.bytes == single.bytes);
}

}  // namespace
}  // namespace rigsim::workloads
