#include "workloads/kv_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

std::int64_t per_token(std::string_view model, KvFormat format = KvFormat::kF16) {
  return kv_bytes_per_token(known_model(model), format).count();
}

// 2 x layers x kv_heads x head_dim x 2 bytes; DeepSeek-V3: 61 x (512 + 64) x 2 = 70272.
TEST(KvBytesPerToken, AreTheKnownFigures) {
  EXPECT_EQ(per_token("llama-3.1-8b"), 128 << 10);
  EXPECT_EQ(per_token("llama-3-70b"), 320 << 10);
  EXPECT_EQ(per_token("llama-2-7b"), 512 << 10);
  EXPECT_EQ(per_token("codellama-34b"), 192 << 10);
  EXPECT_EQ(per_token("deepseek-v3"), 70272);
}

TEST(KvBytesPerToken, OfEveryKnownModelMatch) {
  for (const KnownModel& known : known_models()) {
    EXPECT_EQ(per_token(known.model.name), known.kv_bytes_per_token_fp16) << known.model.name;
  }
}

// 1024 values per layer and side: 32 blocks of 34 bytes in q8_0, of 18 in q4_0.
TEST(KvBytesPerToken, ScaleWithTheFormat) {
  EXPECT_EQ(per_token("llama-3-8b", KvFormat::kQ8_0), 32 * 2 * 32 * 34);
  EXPECT_EQ(per_token("llama-3-8b", KvFormat::kQ4_0), 32 * 2 * 32 * 18);
  EXPECT_EQ(per_token("llama-3-8b", KvFormat::kFp8E4m3), 64 << 10);
  EXPECT_EQ(per_token("llama-3-8b", KvFormat::kF32), 256 << 10);
}

TEST(KvBytesPerToken, DivideTheHeadsAmongTensorParallelDevicesDownToOneEach) {
  const Model& model = known_model("llama-3-8b");  // 8 KV heads of 128
  EXPECT_EQ(layer_kv_bytes_per_token(model, KvFormat::kF16, 4).count(), 2 * 2 * 128 * 2);
  EXPECT_EQ(layer_kv_bytes_per_token(model, KvFormat::kF16, 16).count(), 2 * 1 * 128 * 2);
  EXPECT_EQ(layer_kv_bytes_per_token(known_model("deepseek-v3"), KvFormat::kF16, 8).count(),
            576 * 2);
}

TEST(KvBytes, GrowByWholeBlocksPerSequence) {
  const Model& model = known_model("llama-3-8b");
  EXPECT_EQ(kv_bytes(model, KvFormat::kF16, {.tokens = 8192}).count(), 1LL << 30);
  EXPECT_EQ(
      kv_bytes(model, KvFormat::kF16, {.tokens = 17, .sequences = 3, .block_tokens = 16}).count(),
      3LL * 32 * (128 << 10));
}

// Mistral-7B v0.1: all 32 layers hold 4096 tokens at most. Gemma 2 9B: 21 of 42 do; 8192 values per
// layer and token.
TEST(KvBytes, OfWindowedLayersStopAtTheWindow) {
  const Model& mistral = known_model("mistral-7b-v0.1");
  EXPECT_EQ(kv_bytes(mistral, KvFormat::kF16, {.tokens = 4095}).count(), 4095LL << 17);
  EXPECT_EQ(kv_bytes(mistral, KvFormat::kF16, {.tokens = 32768}).count(), 4096LL << 17);
  EXPECT_EQ(kv_bytes(mistral, KvFormat::kF16, {.tokens = 32768, .windows = false}).count(),
            32768LL << 17);
  EXPECT_EQ(kv_bytes(known_model("gemma-2-9b"), KvFormat::kF16, {.tokens = 8192}).count(),
            21LL * (4096 + 8192) * 2 * 8 * 256 * 2);
}

TEST(KvFormats, AreElevenAndFoundByName) {
  EXPECT_EQ(kv_formats().size(), 11U);
  for (const KvFormatInfo& format : kv_formats()) EXPECT_EQ(kv_format(format.name), format.format);
  EXPECT_THAT([] { (void)kv_format("q9"); },
              testing::ThrowsMessage<std::invalid_argument>(testing::HasSubstr("fp8_e4m3")));
}

}  // namespace
}  // namespace rigsim::workloads
