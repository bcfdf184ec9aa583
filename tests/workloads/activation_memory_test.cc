#include "workloads/activation_memory.h"

#include <gtest/gtest.h>

#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

double mib(sim::Bytes bytes) { return static_cast<double>(bytes.count()) / (1 << 20); }

double mib_of(std::string_view model, const ActivationExtent& extent,
              const EngineMemory& engine = {}) {
  return mib(activation_bytes(known_model(model), engine, extent));
}

// llama.cpp's log of Llama-3-8B at -c 8192 without flash attention says "compute buffer size =
// 560.00 MiB" on the GPU and 24.01 MiB on the host: scores 512 x 8192 x 32 heads x 4 B = 512 MiB,
// mask 16 MiB, four hidden states of 8 MiB.
TEST(ActivationBytes, MatchLlamaCppsLogAtALongContext) {
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 8192}), 560.0);
  EXPECT_EQ(mib(host_input_bytes(known_model("llama-3-8b"), {}, 8192)), 24.0);
}

// At 512 tokens the logits are largest: 512 x 128256 x 4 B = 250.5 MiB and a hidden state; the log
// says 258.50 MiB. Llama 2 7B: 512 x 32000 x 4 B = 62.5 MiB and 8: its log says 70.50 MiB.
TEST(ActivationBytes, MatchLlamaCppsLogAtAShortContext) {
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 512}), 258.5);
  EXPECT_EQ(mib_of("llama-2-7b", {.cache_tokens = 512}), 70.5);
}

// Llama 2 7B: scores 512 x c x 32 x 4 B, mask 512 x c x 4 B, four states of 8 MiB: 128 + 4 + 32 at
// 2048, where the log says 164.00 MiB; 256 + 8 + 32 at 4096, where it says 296.01 MiB.
TEST(ActivationBytes, MatchLlamaCppsLogOfAnOlderModel) {
  EXPECT_EQ(mib_of("llama-2-7b", {.cache_tokens = 2048}), 164.0);
  EXPECT_EQ(mib_of("llama-2-7b", {.cache_tokens = 4096}), 296.0);
}

// Four copies of hidden state (8 MiB) and mask (16 MiB) instead of one mask: 4 x 8 + 3 x 16 more.
TEST(ActivationBytes, HoldFourCopiesOfTheInputsOfAPipelinedStage) {
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 8192, .pipelined = true}), 560.0 + 80.0);
}

TEST(ActivationBytes, WithoutScoresHardlyGrowWithTheContext) {
  const EngineMemory flash{.attention_scores = false, .mask_bytes = 2};
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 8192}, flash), 258.5);
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 1 << 20}, flash), 32.0 + 1024.0);
}

TEST(ActivationBytes, OfADeviceWithoutWorkAreNone) {
  EXPECT_EQ(mib_of("llama-3-8b",
                   {.cache_tokens = 8192, .layers = false, .head = false, .pipelined = true}),
            0.0);
}

// No head: 2 hidden and 2 query-wide states = 32 MiB, FFN 2 x 8 + 2 x 28 = 72 MiB; half the FFN on
// each of two: 44.
TEST(ActivationBytes, AreTheLargerOfAttentionAndFfn) {
  const EngineMemory flash{.attention_scores = false, .mask_bytes = 0};
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 1, .head = false}, flash), 72.0);
  EXPECT_EQ(mib_of("llama-3-8b", {.cache_tokens = 1, .tensor_parallel = 2, .head = false}, flash),
            44.0);
}

// Mixtral: 2 experts x (2 x 14336 + 4096) + 8 router logits, and two hidden states: 512 x (65544 +
// 8192) x 4 B.
TEST(ActivationBytes, OfExpertsCountTheActiveOnes) {
  EXPECT_EQ(activation_bytes(known_model("mixtral-8x7b"),
                             {.attention_scores = false, .mask_bytes = 0}, {.head = false})
                .count(),
            512LL * (65544 + 8192) * 4);
}

// Four replicas that share their experts: beside two own hidden states, for the tokens of all two
// hidden states and 2 experts x (2 x 14336 + 4096), on any device of a replica.
TEST(ActivationBytes, OfReplicasThatShareExpertsAreOfAllTokens) {
  for (const int tensor_parallel : {1, 2}) {
    EXPECT_EQ(
        activation_bytes(known_model("mixtral-8x7b"), {.attention_scores = false, .mask_bytes = 0},
                         {.tensor_parallel = tensor_parallel, .head = false, .gathering = 4})
            .count(),
        512LL * (8192 + 4 * (65536 + 8192)) * 4);
  }
}

TEST(ValidateEngineMemory, NamesTheNumber) {
  EXPECT_NO_THROW(validate(EngineMemory{}));
  EXPECT_THROW(validate(EngineMemory{.micro_batch_tokens = 0}), std::invalid_argument);
  EXPECT_THROW(validate(EngineMemory{.memory_fraction = 1.5}), std::invalid_argument);
  EXPECT_THROW(validate(EngineMemory{.memory_fraction = 0.0}), std::invalid_argument);
  EXPECT_THROW(validate(EngineMemory{.kv_share_of_free = 1.5}), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
