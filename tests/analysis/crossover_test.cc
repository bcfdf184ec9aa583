#include "analysis/crossover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/plan_text.h"

namespace rigsim::analysis {
namespace {

using testing::HasSubstr;
using workloads::EngineProfile;

const configs::Catalog& catalog() {
  static const configs::Catalog loaded = configs::Catalog::load();
  return loaded;
}

EngineProfile engine(const char* name) { return configs::engine_named(name).profile; }

configs::Scenario scenario(const char* rig, const char* model, const char* weights,
                           const char* plan = nullptr) {
  configs::Scenario result;
  result.rig = catalog().rig(rig);
  result.model = catalog().model(model);
  result.weights = catalog().weights_format(weights);
  result.prompt_tokens = 512;
  result.output_tokens = 0;
  if (plan != nullptr) result.plan = configs::parse_plan(plan);
  return result;
}

const std::vector<std::int64_t> kBatches{1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

/// Kernels that reach the datasheet and start at once.
EngineProfile ideal_engine() {
  EngineProfile profile = engine("llama.cpp");
  for (workloads::BackendProfile& backend : profile.backends) {
    backend.devices.clear();
    backend.tables.clear();
    backend.families = {{"", {}}};
    backend.formats = {{"", {}}};
    backend.elementwise_efficiency = 1;
    backend.ecc_bandwidth = 1;
    backend.kernel_latency_us = 0;
    backend.attention_latency_us = 0;
    backend.attention_cycles = 0;
    backend.roofline_exponent = 0;
    backend.tile_quantisation = false;
    backend.convert_activations = false;
  }
  return profile;
}

// A matrix of n x m in F16 on B tokens: 2 n m B / peak to compute, (2 n m + 2 B (n + m)) /
// bandwidth for itself and 16-bit activations. With R = peak / bandwidth they are equal at B = R /
// (1 - R (n + m) / (n m)). Of a Llama-3 layer the FFN's three matrices take most: 4096 x 14336, or
// 8192 x 28672.
TEST(Crossover, IdealKernelsTurnAtTheClosedFormExactly) {
  struct Machine {
    const char* rig;
    double peak;
    double bandwidth;
  };
  const std::vector<std::int64_t> batches{16, 32, 64, 128, 256, 512};
  for (const auto& [rig, peak, bandwidth] :
       {Machine{"4090", 330.3e12, 1008e9}, Machine{"a6000", 154.8e12, 768e9},
        Machine{"a100-80gb-sxm", 312e12, 2039e9}, Machine{"h100-sxm", 989.4e12, 3350e9}}) {
    for (const auto& [model, n, m] :
         {std::tuple("llama-3-8b", 4096.0, 14336.0), std::tuple("llama-3-70b", 8192.0, 28672.0)}) {
      configs::Scenario asked = scenario(rig, model, "f16");
      asked.prompt_tokens = 1;
      const Crossover row = crossover(asked, ideal_engine(), batches);
      const double plain = peak / bandwidth;
      const double ridge = plain / (1 - plain * (n + m) / (n * m));
      EXPECT_EQ(row.ridge.value, static_cast<std::int64_t>(std::ceil(ridge))) << rig << model;
      EXPECT_NEAR(row.analytic.front().batch, plain, 0.1) << rig;
    }
  }
}

struct Case {
  const char* rig;
  const char* plan;
};

class CrossoverOn : public testing::TestWithParam<Case> {};

// The ridge is where the attribution of two runs, one sequence apart, changes.
TEST_P(CrossoverOn, RidgeIsWhereTheAttributionChanges) {
  for (const char* model : {"llama-3-8b", "llama-3-70b"}) {
    for (const char* weights : {"f16", "q4_k_m"}) {
      const char* name = std::string_view(GetParam().plan) == "tp=2" ? "vllm" : "llama.cpp";
      const auto asked = scenario(
          GetParam().rig, model,
          name == std::string_view("vllm") && weights == std::string_view("q4_k_m") ? "awq"
                                                                                    : weights,
          GetParam().plan[0] != 0 ? GetParam().plan : nullptr);
      const Crossover row = crossover(asked, engine(name), kBatches);
      ASSERT_TRUE(row.ridge.value) << model << weights;
      ASSERT_GT(*row.ridge.value, 1);
      const std::vector<std::int64_t> around{*row.ridge.value - 1, *row.ridge.value};
      const Crossover there = crossover(asked, engine(name), around);
      EXPECT_FALSE(there.steps[0].computes()) << model << weights << *row.ridge.value;
      EXPECT_TRUE(there.steps[1].computes()) << model << weights << *row.ridge.value;
      for (const StepAtBatch& step : row.steps)
        EXPECT_TRUE(step.batch < *row.ridge.value || step.computes()) << step.batch;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rigs, CrossoverOn,
                         testing::Values(Case{"4090", ""}, Case{"a6000", ""},
                                         Case{"a100-80gb-sxm", ""}, Case{"h100-sxm", ""},
                                         Case{"2x4090", "pp=2"}, Case{"2x4090", "tp=2"}));

TEST(Crossover, CausesSumToTheStep) {
  const Crossover row =
      crossover(scenario("2x4090", "llama-3-70b", "awq", "tp=2"), engine("vllm"), kBatches);
  for (const StepAtBatch& step : row.steps) {
    double sum = 0;
    for (const double seconds : step.seconds) sum += seconds;
    EXPECT_NEAR(sum, step.step_s, 1e-12);
    EXPECT_GT(step.of(StepBound::kLink), 0);
  }
}

// 64 tokens of context more for each of 32 sequences: only attention takes longer.
TEST(Crossover, TheContextIsTheKvCachesPart) {
  configs::Scenario longer = scenario("a6000", "llama-3-8b", "f16");
  const std::vector<std::int64_t> batches{32};
  const StepAtBatch before = crossover(longer, engine("llama.cpp"), batches).steps.front();
  longer.prompt_tokens += 64;
  const StepAtBatch after = crossover(longer, engine("llama.cpp"), batches).steps.front();
  EXPECT_GT(after.of(StepBound::kKvCache), before.of(StepBound::kKvCache));
  EXPECT_NEAR(after.of(StepBound::kWeights), before.of(StepBound::kWeights), 1e-12);
  EXPECT_NEAR(after.of(StepBound::kCompute), before.of(StepBound::kCompute), 1e-12);
}

// Slower arithmetic is the bound earlier.
TEST(Crossover, TheBandIsAroundTheRidge) {
  const Crossover row =
      crossover(scenario("h100-sxm", "llama-3-8b", "bf16"), engine("vllm"), kBatches);
  ASSERT_TRUE(row.ridge.low && row.ridge.high);
  EXPECT_LT(*row.ridge.low, *row.ridge.value);
  EXPECT_GT(*row.ridge.high, *row.ridge.value);
}

// H100: 989.4 TFLOPS, 1978.9 in FP8, over 3350 GB/s: 295.3 sequences at 2 bytes a weight, in FP8 as
// many at half the bytes and twice the rate. Of a mixture each token passes a part of the weights.
TEST(Crossover, TheDatasheetsRidge) {
  const std::vector<std::int64_t> one{1};
  const auto analytic = [&](const char* model, const char* weights) {
    return crossover(scenario("h100-sxm", model, weights), engine("vllm"), one).analytic.front();
  };
  EXPECT_NEAR(analytic("llama-3-8b", "bf16").batch, 295.3, 0.1);
  EXPECT_EQ(analytic("llama-3-8b", "bf16").numbers, "FP16 with FP32 accumulation");
  EXPECT_NEAR(analytic("llama-3-8b", "fp8").batch, 295, 40);
  EXPECT_EQ(analytic("llama-3-8b", "fp8").numbers, "FP8 with FP32 accumulation");
  const auto mixtral = catalog().model("mixtral-8x7b");
  const double all_over_active = static_cast<double>(workloads::parameter_count(mixtral)) /
                                 static_cast<double>(workloads::active_parameter_count(mixtral));
  EXPECT_NEAR(analytic("mixtral-8x7b", "bf16").batch, 295.3 * all_over_active, 10);
}

// Whatever batches are asked for.
TEST(Crossover, TheRidgeDoesNotDependOnTheBatchesShown) {
  const auto asked = scenario("h100-sxm", "llama-3-8b", "f16");
  const Crossover all = crossover(asked, engine("llama.cpp"), kBatches);
  for (const std::vector<std::int64_t>& batches :
       {std::vector<std::int64_t>{1}, {1, 512}, {4, 32}, {100, 200}}) {
    const Crossover some = crossover(asked, engine("llama.cpp"), batches);
    EXPECT_EQ(some.ridge.value, all.ridge.value) << batches.back();
    EXPECT_EQ(some.ridge.low, all.ridge.low);
  }
}

// Two replicas, or two batches on their way in a pipeline, need twice the sequences.
TEST(Crossover, APassIsOneReplicasAndOneBatchInAPipeline) {
  const auto row = [](const char* rig, const char* plan) {
    return crossover(scenario(rig, "llama-3-8b", "bf16", plan), engine("vllm"), kBatches);
  };
  const Crossover one = row("h100-sxm", nullptr);
  const Crossover two = row("2xh100-sxm", "dp=2");
  const Crossover stages = row("2xh100-sxm", "pp=2");
  EXPECT_EQ(two.passes, 2);
  EXPECT_EQ(stages.passes, 2);
  EXPECT_DOUBLE_EQ(two.analytic.front().batch, 2 * one.analytic.front().batch);
  EXPECT_NEAR(static_cast<double>(*two.ridge.value), 2.0 * static_cast<double>(*one.ridge.value),
              2);
  EXPECT_NEAR(static_cast<double>(*stages.ridge.value), 2.0 * static_cast<double>(*one.ridge.value),
              2);
}

TEST(Crossover, BatchesIncrease) {
  const auto refused = [](std::vector<std::int64_t> batches) {
    try {
      (void)crossover(scenario("4090", "llama-3-8b", "f16"), engine("llama.cpp"), batches);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused({}), HasSubstr("needs a batch"));
  EXPECT_THAT(refused({0}), HasSubstr("must increase from 1, got 0"));
  EXPECT_THAT(refused({4, 4}), HasSubstr("got 4 behind 4"));
}

}  // namespace
}  // namespace rigsim::analysis
