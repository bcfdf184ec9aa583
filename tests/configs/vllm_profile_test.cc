#include <gtest/gtest.h>

#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "workloads/deployment_builder.h"
#include "workloads/single_stream.h"

namespace rigsim::configs {
namespace {

using workloads::Evidence;
using workloads::SingleStreamResult;

struct Run {
  const char* rig;
  const char* model;
  const char* weights;
  int tensor_parallel;
  workloads::SingleStream work;
};

SingleStreamResult simulate(const Run& run) {
  static const Catalog kCatalog = Catalog::load();
  workloads::DeploymentRequest request;
  request.model = kCatalog.model(run.model);
  request.weights = kCatalog.weights_format(run.weights);
  request.engine = engine_named("vllm").profile;
  request.rig = kCatalog.rig(run.rig);
  request.plan.tp = run.tensor_parallel;
  request.context = run.work.prompt_tokens + run.work.output_tokens;
  request.batch = run.work.batch;
  return run_single_stream(deploy(request), run.work);
}

// Qwen documentation, speed_benchmark.rst@0f0ecfb, vLLM 0.6.3 on A100 80GB, BF16, 2,048 tokens
// generated from a prompt of 1. Nothing was fitted to these runs.
TEST(VllmProfile, DecodesQwenOnOneA100AsPublished) {
  const auto decode = [](const char* model) {
    return simulate({"a100-80gb-sxm", model, "BF16", 1, {1, 2048, 1}}).decode.tokens_per_s();
  };
  EXPECT_NEAR(decode("qwen2.5-7b") / 84.28, 1, 0.05);
  EXPECT_NEAR(decode("qwen2.5-14b") / 46.30, 1, 0.05);
  EXPECT_NEAR(decode("qwen2.5-32b") / 22.13, 1, 0.05);
}

TEST(VllmProfile, DecodesQwen72BOnFourA100AsPublished) {
  const auto run = simulate({"4xa100-80gb-sxm", "qwen2.5-72b", "BF16", 4, {1, 2048, 1}});
  EXPECT_NEAR(run.decode.tokens_per_s() / 31.37, 1, 0.1);
}

// One pass of 2,048 tokens of the serving run whose kernels were profiled (vLLM 0.19, 300 ShareGPT
// prompts): 0.203 s between two first tokens.
TEST(VllmProfile, AnswersFromTheTableOfItsDevice) {
  const auto run = simulate({"rtx-4090", "llama-3.1-8b", "BF16", 1, {2048, 128, 1}});
  EXPECT_EQ(run.prefill.evidence.weakest_large(), Evidence::kMeasured);
  EXPECT_EQ(run.evidence, Evidence::kMeasured);
  EXPECT_NEAR(sim::to_seconds(run.ttft) / 0.203, 1, 0.1);
}

TEST(VllmProfile, SaysSoWhereItIsGuessing) {
  const auto fitted = simulate({"rtx-4090", "llama-3.1-8b", "AWQ-4bit-g128", 1, {512, 16, 1}});
  EXPECT_EQ(fitted.evidence, Evidence::kFitted);
  const auto family = simulate({"rtx-6000-ada", "llama-3.1-8b", "BF16", 1, {512, 16, 1}});
  EXPECT_EQ(family.evidence, Evidence::kDatasheet);
}

// Each of 80 layers reduces twice over two staged steps of some 12 us: at least 3.8 ms a token.
TEST(VllmProfile, TensorParallelWithoutPeerCopiesPaysForItsAllReduces) {
  const auto run = simulate({"2x4090", "llama-3-70b", "AWQ-4bit-g128", 2, {512, 16, 1}});
  const double steps = 15;
  EXPECT_GT(run.decode.critical_path.link_s / steps, 3.8e-3);
  EXPECT_LT(run.decode.critical_path.link_s / steps, 8e-3);
  EXPECT_EQ(run.decode.critical_path.bubble_s, 0);
}

}  // namespace
}  // namespace rigsim::configs
