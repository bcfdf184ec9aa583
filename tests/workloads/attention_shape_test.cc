#include "workloads/attention_shape.h"

#include <gtest/gtest.h>

#include "tests/workloads/known_models.h"
#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

PassShape decode_at(std::int64_t context, std::int64_t sequences = 1) {
  PassShape shape;
  shape.tokens = sequences;
  shape.sequences = sequences;
  shape.context = context;
  return shape;
}

/// Pads to `padding`; caches windows alone.
EngineProfile padding_to(std::int64_t padding) {
  EngineProfile engine = toy_engine();
  engine.kv_padding = padding;
  engine.memory.windows = true;
  return engine;
}

double kv_tokens(const char* model, int layer, const PassShape& shape, std::int64_t padding) {
  return attention_shape(known_model(model), layer, shape, padding_to(padding)).kv_tokens;
}

TEST(AttentionShape, PadsTheContextToWholeUnits) {
  EXPECT_EQ(kv_tokens("llama-3-8b", 0, decode_at(1), 32), 32);
  EXPECT_EQ(kv_tokens("llama-3-8b", 0, decode_at(32), 32), 32);
  EXPECT_EQ(kv_tokens("llama-3-8b", 0, decode_at(33), 32), 64);
  EXPECT_EQ(kv_tokens("llama-3-8b", 0, decode_at(33), 1), 33);
}

// Llama-3-8B: 8 KV heads x 128 x (K, V) x 2 bytes = 4,096 bytes a token and layer; 32 heads x 128.
TEST(AttentionShape, CountsKeyAndValueOfEveryKvHead) {
  const auto a = attention_shape(known_model("llama-3-8b"), 0, decode_at(100), padding_to(1));
  EXPECT_EQ(a.kv_row_bytes, 4096);
  EXPECT_EQ(a.query_heads, 32);
  EXPECT_EQ(a.query_width, 4096);
}

// Q8_0 holds 32 values in 34 bytes: 2 x 8 x 128 x 34 / 32 = 2,176 bytes.
TEST(AttentionShape, FollowsTheCachesFormat) {
  PassShape shape = decode_at(100);
  shape.kv_bytes_per_element = 34.0 / 32;
  EXPECT_EQ(attention_shape(known_model("llama-3-8b"), 0, shape, padding_to(1)).kv_row_bytes, 2176);
}

// Over 16 devices each has 2 of the 32 query heads; the 8 KV heads cannot be cut finer than one.
TEST(AttentionShape, ReplicatesKvHeadsWhenThereAreFewerThanDevices) {
  PassShape shape = decode_at(100);
  shape.tensor_parallel = 4;
  EXPECT_EQ(attention_shape(known_model("llama-3-8b"), 0, shape, padding_to(1)).kv_row_bytes, 1024);
  shape.tensor_parallel = 16;
  const auto a = attention_shape(known_model("llama-3-8b"), 0, shape, padding_to(1));
  EXPECT_EQ(a.query_heads, 2);
  EXPECT_EQ(a.kv_row_bytes, 512);
}

// A token sees itself and the 4,095 before it; a pass of n tokens sees 4,095 + n between them.
TEST(AttentionShape, AWindowEndsWithThePassItself) {
  EXPECT_EQ(kv_tokens("mistral-7b-v0.1", 0, decode_at(4000), 1), 4000);
  EXPECT_EQ(kv_tokens("mistral-7b-v0.1", 0, decode_at(4097), 1), 4096);
  EXPECT_EQ(kv_tokens("mistral-7b-v0.1", 0, decode_at(30000, 3), 1), 4096);
  PassShape prompt = decode_at(8192);
  prompt.tokens = 512;
  EXPECT_EQ(kv_tokens("mistral-7b-v0.1", 0, prompt, 1), 4095 + 512);
}

// Gemma 2 alternates: even layers have a window of 4,096, odd ones see everything.
TEST(AttentionShape, WindowsOnlyTheLayersThatHaveThem) {
  EXPECT_EQ(kv_tokens("gemma-2-9b", 0, decode_at(8000), 1), 4096);
  EXPECT_EQ(kv_tokens("gemma-2-9b", 1, decode_at(8000), 1), 8000);
}

// ggml caches every token of a windowed layer and masks: 8,000 are worked on.
TEST(AttentionShape, SeesAllThatAnEngineWithoutWindowsCaches) {
  EngineProfile engine = padding_to(1);
  engine.memory.windows = false;
  EXPECT_EQ(attention_shape(known_model("gemma-2-9b"), 0, decode_at(8000), engine).kv_tokens, 8000);
}

// DeepSeek-V3 caches one row of 512 + 64 values for all 128 heads: 1,152 bytes, on every device.
// A head scores 576 values and mixes 512: (576 + 512) / 2 = 544 on average.
TEST(AttentionShape, MlaReadsOneLatentRowForAllHeads) {
  PassShape shape = decode_at(1000);
  const auto whole = attention_shape(known_model("deepseek-v3"), 0, shape, padding_to(1));
  EXPECT_EQ(whole.kv_row_bytes, 1152);
  EXPECT_EQ(whole.query_width, 128 * 544);
  shape.tensor_parallel = 8;
  const auto eighth = attention_shape(known_model("deepseek-v3"), 0, shape, padding_to(1));
  EXPECT_EQ(eighth.kv_row_bytes, 1152);
  EXPECT_EQ(eighth.query_width, 16 * 544);
}

// Two sequences over 33 tokens padded to 64: 2 x 64 x 4,096 bytes; 32 heads x 64 x 2 pairs, each 2
// x 128 multiply-adds.
TEST(DecodeAttention, ReadsEverySequencesCacheOnce) {
  const Kernel kernel =
      decode_attention(known_model("llama-3-8b"), 7, decode_at(33, 2), toy_engine());
  EXPECT_EQ(kernel.kind, KernelKind::kAttentionDecode);
  EXPECT_EQ(kernel.layer, 7);
  EXPECT_EQ(kernel.launches, 3);
  EXPECT_EQ(kernel.traffic_bytes, 2 * 64 * 4096);
  EXPECT_EQ(kernel.head_tokens, 32 * 64 * 2);
  EXPECT_EQ(kernel.flops, 4.0 * 4096 * 64 * 2);
}

TEST(DecodeAttention, IsOneLaunchWhereTheEngineFusesIt) {
  EngineProfile engine = toy_engine();
  engine.style = KernelStyle::kFused;
  EXPECT_EQ(decode_attention(known_model("llama-3-8b"), 0, decode_at(1), engine).launches, 1);
}

TEST(IsDecode, HoldsUpToEightNewTokensPerSequence) {
  PassShape shape = decode_at(100, 2);
  EXPECT_TRUE(is_decode(shape));
  shape.tokens = 16;
  EXPECT_TRUE(is_decode(shape));
  shape.tokens = 17;
  EXPECT_FALSE(is_decode(shape));
}

// One token touches 2 of 8. A second token misses a given expert with 6/8: 8 (1 - (3/4)^2) = 3.5.
TEST(TouchedExperts, GrowFromTheActiveOnesToAll) {
  const Experts mixtral{.count = 8, .active = 2, .intermediate = 14336};
  EXPECT_DOUBLE_EQ(touched_experts(mixtral, 1), 2);
  EXPECT_DOUBLE_EQ(touched_experts(mixtral, 2), 3.5);
  EXPECT_DOUBLE_EQ(touched_experts(mixtral, 3), 8 * (1 - 27.0 / 64));
  EXPECT_NEAR(touched_experts(mixtral, 512), 8, 1e-12);
  const Experts all{.count = 4, .active = 4, .intermediate = 8};
  EXPECT_DOUBLE_EQ(touched_experts(all, 1), 4);
}

}  // namespace
}  // namespace rigsim::workloads
