#include "workloads/kernel_table.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

Kernel gemm(std::int64_t outputs, std::int64_t inputs, std::int64_t tokens) {
  Kernel kernel;
  kernel.kind = KernelKind::kGemm;
  kernel.outputs = outputs;
  kernel.inputs = inputs;
  kernel.tokens = tokens;
  return kernel;
}

Kernel attention(KernelKind kind, std::int64_t tokens, std::int64_t sequences, double kv_tokens) {
  Kernel kernel;
  kernel.kind = kind;
  kernel.tokens = tokens;
  kernel.attention = {32, 8, 128, sequences, kv_tokens};
  return kernel;
}

TimeCurve flat(double seconds) { return TimeCurve({{1, seconds}, {64, seconds}}); }

TEST(TimeCurve, IsLinearBetweenItsPointsAndSilentOutside) {
  const TimeCurve curve({{1, 10}, {3, 20}, {4, 80}});
  EXPECT_EQ(curve.seconds(1), 10);
  EXPECT_EQ(curve.seconds(2), 15);
  EXPECT_EQ(curve.seconds(3.5), 50);
  EXPECT_EQ(curve.seconds(4), 80);
  EXPECT_EQ(curve.seconds(0.99), std::nullopt);
  EXPECT_EQ(curve.seconds(4.01), std::nullopt);
}

TEST(TimeCurve, RefusesPointsThatDoNotIncreaseAndTimesThatAreNone) {
  EXPECT_THROW(TimeCurve({}), std::invalid_argument);
  EXPECT_THROW(TimeCurve({{2, 1}, {2, 1}}), std::invalid_argument);
  EXPECT_THROW(TimeCurve({{2, 1}, {1, 1}}), std::invalid_argument);
  EXPECT_THROW(TimeCurve({{-1, 1}}), std::invalid_argument);
  EXPECT_THROW(TimeCurve({{1, 0}}), std::invalid_argument);
}

// At row 2, halfway from 1 to 3, column 5: (10 + 30) / 2.
TEST(TimeSurface, IsLinearInBothDirections) {
  const TimeSurface surface(
      {{1, TimeCurve({{0, 5}, {10, 15}})}, {3, TimeCurve({{0, 20}, {10, 40}, {20, 60}})}});
  EXPECT_EQ(surface.seconds(2, 5), 20);
  EXPECT_EQ(surface.seconds(3, 15), 50);
  EXPECT_EQ(surface.seconds(2, 15), std::nullopt);  // the row below ends at 10
  EXPECT_EQ(surface.seconds(4, 5), std::nullopt);
  EXPECT_THROW(TimeSurface({}), std::invalid_argument);
}

TEST(KernelTable, AnswersForTheShapesItHoldsInsideTheirTokensOnly) {
  KernelTable table;
  EXPECT_TRUE(table.empty());
  EXPECT_TRUE(table.add_gemm({6144, 4096}, TimeCurve({{1, 50e-6}, {3, 60e-6}})));
  EXPECT_FALSE(table.add_gemm({6144, 4096}, flat(1)));  // the first counts
  EXPECT_DOUBLE_EQ(table.seconds(gemm(6144, 4096, 2)).value(), 55e-6);
  EXPECT_EQ(table.seconds(gemm(6144, 4096, 4)), std::nullopt);
  EXPECT_EQ(table.seconds(gemm(6144, 8192, 2)), std::nullopt);
  EXPECT_EQ(table.seconds(gemm(6144, 0, 2)), std::nullopt);  // not dense 16-bit weights
}

// 1500 outputs lie halfway between 1000 (10 s) and 2000 (20 s); 3000 between 2000 and 6000 do not,
// those are more than 2.5 apart.
TEST(KernelTable, MixesTheNeighboursOfEqualInputs) {
  KernelTable table;
  table.add_gemm({1000, 4096}, flat(10));
  table.add_gemm({2000, 4096}, flat(20));
  table.add_gemm({6000, 4096}, flat(60));
  EXPECT_EQ(table.seconds(gemm(1500, 4096, 8)), 15);
  EXPECT_EQ(table.seconds(gemm(3000, 4096, 8)), std::nullopt);
}

// 1100 x 1000 is 1.1 times 1000 x 1000; 1300 is beyond 20 %.
TEST(KernelTable, ScalesFromANearShape) {
  KernelTable table;
  table.add_gemm({1000, 1000}, flat(10));
  EXPECT_DOUBLE_EQ(table.seconds(gemm(1100, 1000, 8)).value(), 11);
  EXPECT_DOUBLE_EQ(table.seconds(gemm(1100, 900, 8)).value(), 9.9);
  EXPECT_EQ(table.seconds(gemm(1300, 1000, 8)), std::nullopt);
}

TEST(KernelTable, LooksUpAttentionByHeadsSequencesAndTokens) {
  KernelTable table;
  const HeadShape heads{32, 8, 128};
  table.add_decode_attention(heads,
                             TimeSurface({{1, TimeCurve({{100, 10}, {200, 20}})}, {2, flat(99)}}));
  table.add_prompt_attention(heads, TimeSurface({{512, TimeCurve({{0, 7}, {1024, 9}})}}));
  EXPECT_EQ(table.seconds(attention(KernelKind::kAttentionDecode, 1, 1, 150)), 15);
  // Two new tokens of one sequence are not what was measured.
  EXPECT_EQ(table.seconds(attention(KernelKind::kAttentionDecode, 2, 1, 150)), std::nullopt);
  // 512 new tokens that attend to 1,024: 512 were cached before.
  EXPECT_EQ(table.seconds(attention(KernelKind::kAttentionGemm, 512, 1, 1024)), 8);
  EXPECT_EQ(table.seconds(attention(KernelKind::kAttentionGemm, 1024, 2, 512)), std::nullopt);
  Kernel other = attention(KernelKind::kAttentionDecode, 1, 1, 150);
  other.attention.kv_heads = 4;
  EXPECT_EQ(table.seconds(other), std::nullopt);
}

}  // namespace
}  // namespace rigsim::workloads
