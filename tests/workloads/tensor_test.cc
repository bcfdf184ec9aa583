#include "workloads/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

std::int64_t weights_of(const Model& model, TensorRole role) {
  std::int64_t sum = 0;
  for (const Tensor& tensor : tensors(model)) sum += tensor.role == role ? tensor.weights() : 0;
  return sum;
}

// Per layer: q and o 4096 x 4096, k and v 1024 x 4096, three FFN matrices 14336 x 4096, two norms
// of 4096 = 2 * 16777216 + 2 * 4194304 + 3 * 58720256 + 8192 = 218112000; 32 of them, embedding and
// head of 128256 x 4096 each, and the last norm: 8030261248.
TEST(ParameterCount, OfLlama3EightBFollowsByHand) {
  EXPECT_EQ(32LL * 218112000 + 2LL * 128256 * 4096 + 4096, 8030261248);
  EXPECT_EQ(parameter_count(known_model("llama-3-8b")), 8030261248);
}

TEST(ParameterCount, OfEveryKnownModelMatchesToTheDigit) {
  for (const KnownModel& known : known_models()) {
    EXPECT_EQ(parameter_count(known.model), known.parameters) << known.model.name;
    EXPECT_EQ(active_parameter_count(known.model), known.active_parameters) << known.model.name;
  }
}

/// Stated differences from the published counts: the checkpoints of Llama 2 hold rotary buffers (64
/// values in each of 32 layers; in each of 40), that of Falcon a second copy of the tied head.
std::int64_t stated_difference(const Model& model) {
  if (model.name == "llama-2-7b") return 32 * 64;
  if (model.name == "llama-2-13b") return 40 * 64;
  if (model.name == "falcon-40b") return model.vocab * model.hidden;
  return 0;
}

TEST(ParameterCount, EqualsThePublishedOneExceptForThreeStatedDifferences) {
  int exact = 0;
  for (const KnownModel& known : known_models()) {
    if (!known.model.published_parameters) continue;
    EXPECT_EQ(*known.model.published_parameters - known.parameters, stated_difference(known.model))
        << known.model.name;
    exact += *known.model.published_parameters == known.parameters ? 1 : 0;
  }
  EXPECT_EQ(exact, 31 + 4);  // 31 of the catalogue, and the four LLaMA-1 sizes
}

// Mixtral: 6 of 8 experts idle in each of 32 layers, 3 x 14336 x 4096 each.
TEST(ActiveParameterCount, LeavesOutTheExpertsATokenIsNotSentTo) {
  const Model& model = known_model("mixtral-8x7b");
  EXPECT_EQ(parameter_count(model) - active_parameter_count(model), 6LL * 32 * 3 * 14336 * 4096);
}

TEST(Tensors, ComeInTheOrderOfTheForwardPass) {
  const auto all = tensors(known_model("llama-3-8b"));
  EXPECT_EQ(all.front(), (Tensor{TensorRole::kTokenEmbedding, {}, 128256, 4096}));
  EXPECT_EQ(all[1], (Tensor{TensorRole::kAttnNorm, 0, 1, 4096}));
  EXPECT_EQ(all.back(), (Tensor{TensorRole::kOutput, {}, 128256, 4096}));
  EXPECT_EQ(all.size(), 3 + 32 * 9);
  const auto layered = std::span(all).subspan(1, 32 * 9);
  EXPECT_TRUE(std::ranges::is_sorted(layered, {},
                                     [](const Tensor& tensor) { return tensor.layer.value(); }));
}

TEST(Tensors, OfATiedModelHaveNoHead) {
  EXPECT_EQ(weights_of(known_model("llama-3.2-1b"), TensorRole::kOutput), 0);
  EXPECT_EQ(weights_of(known_model("llama-3-8b"), TensorRole::kOutput), 128256LL * 4096);
}

TEST(Tensors, OfEachFamilyHaveItsPeculiarParts) {
  EXPECT_EQ(weights_of(known_model("qwen2.5-7b"), TensorRole::kAttnKBias), 28 * 4 * 128);
  EXPECT_EQ(weights_of(known_model("qwen3-8b"), TensorRole::kAttnQNorm), 36 * 128);
  EXPECT_EQ(weights_of(known_model("gemma-2-9b"), TensorRole::kPostFfnNorm), 42 * 3584);
  EXPECT_EQ(weights_of(known_model("gpt-oss-20b"), TensorRole::kAttnSinks), 24 * 64);
  EXPECT_EQ(weights_of(known_model("deepseek-v3"), TensorRole::kRouterBias), 58 * 256);
  EXPECT_EQ(weights_of(known_model("deepseek-v2-lite"), TensorRole::kRouterBias), 0);
  EXPECT_EQ(weights_of(known_model("falcon-40b"), TensorRole::kAttnQkv),
            60LL * (128 + 16) * 64 * 8192);
  EXPECT_EQ(weights_of(known_model("opt-6.7b"), TensorRole::kPositionEmbedding), 2050LL * 4096);
  EXPECT_EQ(weights_of(known_model("gpt2"), TensorRole::kPositionEmbedding), 1024 * 768);
}

TEST(Tensors, OfANonsenseModelAreRefused) {
  EXPECT_THROW((void)tensors(Model{}), std::invalid_argument);
}

TEST(TensorRole, HasANameForEachRole) {
  EXPECT_EQ(to_string(TensorRole::kTokenEmbedding), "token_embedding");
  EXPECT_EQ(to_string(TensorRole::kAttnKvA), "attn_kv_a");
  EXPECT_EQ(to_string(TensorRole::kSharedDown), "shared_down");
  EXPECT_EQ(to_string(TensorRole::kOutput), "output");
}

}  // namespace
}  // namespace rigsim::workloads
