#include "workloads/weights_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string_view>
#include <vector>

#include "tests/workloads/known_models.h"

namespace rigsim::workloads {
namespace {

using enum TensorType;

double gib(const Model& model, const WeightsFormat& format) {
  return static_cast<double>(weight_bytes(model, format).count()) / static_cast<double>(1 << 30);
}

double gib(std::string_view model, std::string_view format) {
  return gib(known_model(model), weights_format(format));
}

TensorType type_of(std::string_view model, std::string_view format, TensorRole role, int layer) {
  for (const Tensor& tensor : tensors(known_model(model))) {
    if (tensor.role == role && tensor.layer.value_or(layer) == layer) {
      return tensor_type(weights_format(format), known_model(model), tensor);
    }
  }
  ADD_FAILURE() << "no such tensor";
  return kF32;
}

struct PublishedSize {
  std::string_view format;
  double gib = 0;
};

/// Published with two digits after the point.
void expect_published(std::string_view model, const std::vector<PublishedSize>& sizes) {
  for (const auto& [format, published] : sizes) {
    EXPECT_NEAR(gib(model, format), published, published * 0.002) << model << " " << format;
  }
}

// ggml-org/llama.cpp tools/quantize/README.md@311c2c9f, the table for Llama-3-8B, GiB.
const std::vector<PublishedSize> kLlama3EightB = {
    {"Q2_K", 2.95},   {"Q2_K_S", 2.78},  {"Q3_K_S", 3.41},  {"Q3_K_M", 3.74}, {"Q3_K_L", 4.02},
    {"Q4_K_S", 4.36}, {"Q4_K_M", 4.58},  {"Q5_K_S", 5.21},  {"Q5_K_M", 5.33}, {"Q6_K", 6.14},
    {"Q8_0", 7.95},   {"Q4_0", 4.34},    {"Q4_1", 4.78},    {"Q5_0", 5.21},   {"Q5_1", 5.65},
    {"IQ4_XS", 4.17}, {"IQ4_NL", 4.38},  {"IQ3_XXS", 3.04}, {"IQ3_XS", 3.27}, {"IQ3_S", 3.42},
    {"IQ3_M", 3.52},  {"IQ2_XXS", 2.23}, {"IQ2_XS", 2.42},  {"IQ2_S", 2.56},  {"IQ2_M", 2.74},
    {"IQ1_S", 1.87},  {"IQ1_M", 2.01},   {"F16", 14.96}};

// XiongjieDai/GPU-Benchmarks-on-LLM-Inference README.md@aa72e0ec, Llama-3-70B (after
// ggml-org/llama.cpp#6745).
const std::vector<PublishedSize> kLlama3SeventyB = {
    {"Q2_K", 24.56},   {"Q2_K_S", 22.79}, {"Q3_K_S", 28.79},  {"Q3_K_M", 31.91},  {"Q3_K_L", 34.59},
    {"Q4_K_S", 37.58}, {"Q4_K_M", 39.6},  {"Q5_K_S", 45.32},  {"Q5_K_M", 46.52},  {"Q6_K", 53.91},
    {"Q8_0", 69.83},   {"IQ4_XS", 35.3},  {"IQ4_NL", 37.3},   {"IQ3_XXS", 25.58}, {"IQ3_XS", 27.29},
    {"IQ3_S", 28.79},  {"IQ3_M", 29.74},  {"IQ2_XXS", 17.79}, {"IQ2_XS", 19.69},  {"IQ2_S", 20.71},
    {"IQ2_M", 22.46},  {"IQ1_S", 14.29},  {"IQ1_M", 15.6},    {"F16", 131.43}};

TEST(WeightBytes, MatchAll28PublishedFilesOfLlama3EightB) {
  EXPECT_EQ(kLlama3EightB.size(), 28U);
  expect_published("llama-3-8b", kLlama3EightB);
}

TEST(WeightBytes, MatchAll24PublishedFilesOfLlama3SeventyB) {
  EXPECT_EQ(kLlama3SeventyB.size(), 24U);
  expect_published("llama-3-70b", kLlama3SeventyB);
}

// QLoRA's own figure for a 7B base model with double quantisation: 3.60 GiB.
TEST(WeightBytes, MatchTheMeasuredDoublyQuantisedSevenB) {
  EXPECT_NEAR(gib("llama-2-7b", "bnb-NF4-DQ"), 3.60, 0.005);
}

// openai/gpt-oss model card: checkpoints of 60.8 and 12.8 GiB, experts in MXFP4 and the rest in
// BF16.
TEST(WeightBytes, MatchTheReleasedGptOssCheckpoints) {
  EXPECT_NEAR(gib("gpt-oss-120b", "MXFP4"), 60.8, 0.06);
  EXPECT_NEAR(gib("gpt-oss-20b", "MXFP4"), 12.8, 0.06);
}

// Linear layers of Llama-3-8B: 6979321856 weights at 4 + 20/128 bits; the other 1050939392 at 16
// bits.
TEST(WeightBytes, OfAwqFollowByHand) {
  EXPECT_EQ(weight_bytes(known_model("llama-3-8b"), weights_format("AWQ-4bit-g128")).count(),
            6979321856LL * 133 / 256 + 1050939392LL * 2);
}

TEST(WeightBytes, ShrinkAsBitsPerWeightSay) {
  EXPECT_NEAR(bits_per_weight(known_model("llama-3-8b"), weights_format("Q4_K_M")), 4.8944,
              0.00005);
  EXPECT_NEAR(bits_per_weight(known_model("llama-3-70b"), weights_format("Q4_K_M")), 4.8204,
              0.00005);
}

TEST(WeightBytes, OfEveryModelInEveryFormatArePositiveAndBelowF32) {
  for (const KnownModel& known : known_models()) {
    for (const WeightsFormat& format : known_weights_formats()) {
      const double bits = bits_per_weight(known.model, format);
      EXPECT_GT(bits, 1.5) << known.model.name << " " << format.name;
      EXPECT_LE(bits, 32.0) << known.model.name << " " << format.name;
    }
  }
}

// n = 80: the first 10 layers, the last 10, and every third between, from layer 12 on.
TEST(TensorTypeOfQ4KM, IsBetterInTheOuterEighthsAndEveryThirdLayer) {
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kFfnDown, 9), kQ6_K);
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kFfnDown, 10), kQ4_K);
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kFfnDown, 11), kQ4_K);
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kFfnDown, 12), kQ6_K);
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kFfnDown, 69), kQ6_K);
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kFfnDown, 70), kQ6_K);
  EXPECT_EQ(type_of("llama-3-70b", "Q4_K_M", TensorRole::kAttnV, 10),
            kQ5_K);  // 70B: never below Q5_K
  EXPECT_EQ(type_of("llama-3-8b", "Q4_K_M", TensorRole::kAttnV, 4), kQ4_K);
  EXPECT_EQ(type_of("llama-3-8b", "Q4_K_M", TensorRole::kOutput, 0), kQ6_K);
  EXPECT_EQ(type_of("llama-3-8b", "Q4_K_M", TensorRole::kTokenEmbedding, 0), kQ4_K);
  EXPECT_EQ(type_of("llama-3-8b", "Q4_K_M", TensorRole::kFfnNorm, 0), kF32);
}

TEST(TensorType, OfATiedEmbeddingIsThatOfAHead) {
  EXPECT_EQ(type_of("llama-3.2-1b", "Q4_K_M", TensorRole::kTokenEmbedding, 0), kQ6_K);
}

TEST(TensorType, OfMixtralKeepsItsAttentionBetter) {
  EXPECT_EQ(type_of("mixtral-8x7b", "Q4_K_M", TensorRole::kAttnV, 5), kQ8_0);
  EXPECT_EQ(type_of("mixtral-8x7b", "Q4_K_M", TensorRole::kAttnK, 5), kQ8_0);
  EXPECT_EQ(type_of("mixtral-8x7b", "Q4_K_M", TensorRole::kAttnOutput, 5), kQ5_K);
  EXPECT_EQ(type_of("mixtral-8x7b", "Q4_K_M", TensorRole::kExpertDown, 0), kQ6_K);
  EXPECT_EQ(type_of("mixtral-8x7b", "Q4_K_M", TensorRole::kExpertUp, 0), kQ4_K);
  EXPECT_EQ(type_of("mixtral-8x7b", "Q4_K_M", TensorRole::kRouter, 0), kF32);
}

TEST(TensorType, OfFalconSparesItsFfn) {
  EXPECT_EQ(type_of("falcon-40b", "Q4_K_M", TensorRole::kFfnDown, 0), kQ6_K);
  EXPECT_EQ(type_of("falcon-40b", "Q4_K_M", TensorRole::kFfnDown, 4), kQ5_K);
  EXPECT_EQ(type_of("falcon-40b", "Q4_K_M", TensorRole::kFfnDown, 7), kQ4_K);
  EXPECT_EQ(type_of("falcon-40b", "Q4_K_M", TensorRole::kTokenEmbedding, 0), kQ8_0);
}

// gpt-oss has a hidden size of 2880 = 11.25 * 256 = 90 * 32.
TEST(TensorType, FallsBackToSmallBlocksWhereARowIsNoWholeNumberOfLargeOnes) {
  EXPECT_EQ(type_of("gpt-oss-20b", "Q4_K_M", TensorRole::kExpertUp, 0), kQ5_0);
  EXPECT_EQ(type_of("gpt-oss-20b", "Q4_K_M", TensorRole::kAttnOutput, 0), kQ4_K);  // 4096 columns
  EXPECT_EQ(type_of("gpt-oss-20b", "IQ4_XS", TensorRole::kExpertUp, 0), kIq4_NL);
  EXPECT_EQ(type_of("gpt-oss-20b", "Q4_K_M", TensorRole::kOutput, 0), kQ8_0);
}

TEST(TensorType, OfAnImportanceMatrixFileDiffersWhereTheQuantiserSaysSo) {
  const Model& model = known_model("llama-3-8b");
  const Tensor down{TensorRole::kFfnDown, 0, 4096, 14336};
  const auto type = [&](GgufMix mix, ImportanceMatrix matrix) {
    return tensor_type(GgufFile{mix, matrix}, model, down);
  };
  EXPECT_EQ(type(GgufMix::kQ4_0, ImportanceMatrix::kWithout), kQ4_0);
  EXPECT_EQ(type(GgufMix::kQ4_0, ImportanceMatrix::kWith), kQ4_1);
  EXPECT_EQ(type(GgufMix::kIq4_XS, ImportanceMatrix::kWithout), kQ5_K);
  EXPECT_EQ(type(GgufMix::kIq4_XS, ImportanceMatrix::kWith), kIq4_XS);
  EXPECT_EQ(type(GgufMix::kIq3_XXS, ImportanceMatrix::kWithout), kQ4_K);
  EXPECT_EQ(type(GgufMix::kIq3_XXS, ImportanceMatrix::kAsPublished), kIq3_XXS);
}

TEST(KnownWeightsFormats, AreThe30MixesAnd15Others) {
  EXPECT_EQ(known_weights_formats().size(), 45U);
  EXPECT_EQ(weights_format("Q4_K_M").rule,
            (std::variant<GgufFile, LinearLayers>(GgufFile{.mix = GgufMix::kQ4_K_M})));
  EXPECT_EQ(weights_format("NVFP4").name, "NVFP4");
}

TEST(KnownWeightsFormats, AreListedWhereANameIsUnknown) {
  EXPECT_THAT([] { (void)weights_format("Q9_X"); },
              testing::ThrowsMessage<std::invalid_argument>(
                  testing::AllOf(testing::HasSubstr("Q9_X"), testing::HasSubstr("Q4_K_M"))));
}

}  // namespace
}  // namespace rigsim::workloads
