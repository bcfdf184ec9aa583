#include "workloads/tensor_type.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace rigsim::workloads {
namespace {

using enum TensorType;

std::int64_t bytes(TensorType type, std::int64_t rows, std::int64_t cols, std::int64_t count = 1) {
  return stored_bytes(type, {TensorRole::kFfnUp, 0, rows, cols, count}).count();
}

TEST(TensorTypes, HaveTheSizesThatGgmlDefines) {
  EXPECT_EQ(info(kQ4_K).bits_per_weight(), 4.5);
  EXPECT_EQ(info(kQ6_K).bits_per_weight(), 6.5625);
  EXPECT_EQ(info(kQ8_0).bits_per_weight(), 8.5);
  EXPECT_EQ(info(kIq1_S).bits_per_weight(), 1.5625);
  EXPECT_EQ(info(kNvfp4).bits_per_weight(), 4.5);
  EXPECT_EQ(info(kF32).bits_per_weight(), 32.0);
}

TEST(TensorTypes, CountTheirScales) {
  EXPECT_EQ(info(kGptq4G128).bits_per_weight(), 4.15625);
  EXPECT_EQ(info(kGptq3G128).bits_per_weight(), 3.1484375);
  EXPECT_EQ(info(kNf4DoubleQuantised).bits_per_weight(), 4.126953125);
  EXPECT_EQ(info(kBnbInt8).bits_per_weight(), 8.0078125);  // 32 bits per row of 4096
  EXPECT_EQ(info(kInt8Channel).bits_per_weight(), 8.00390625);
  EXPECT_EQ(info(kFp8Block128).bits_per_weight(), 8.001953125);
  EXPECT_EQ(info(kMxfp8).bits_per_weight(), 8.25);
}

TEST(TensorTypes, StandInTheOrderOfTheirEnumerators) {
  int index = 0;
  for (const TensorTypeInfo& type : tensor_types())
    EXPECT_EQ(static_cast<int>(type.type), index++) << type.name;
  EXPECT_EQ(tensor_types().size(), 39U);
}

TEST(StoredBytes, AreRowsOfWholeBlocks) {
  EXPECT_EQ(bytes(kQ4_K, 4096, 4096), 4096 * 16 * 144);
  EXPECT_EQ(bytes(kQ8_0, 1, 33), 2 * 34);
  EXPECT_EQ(bytes(kF32, 1, 4096), 16384);
  EXPECT_EQ(bytes(kMxfp4, 2880, 2880, 32), 32LL * 2880 * 90 * 17);
}

// 576 = 4.5 * 128 rows: the last scale covers half a tile, the numbers are not padded.
TEST(StoredBytes, OfTiledScalesDoNotPadTheNumbers) {
  EXPECT_EQ(bytes(kFp8Block128, 576, 7168), 576 * 7168 + 5 * 56 * 4);
  EXPECT_EQ(bytes(kFp8Tensor, 10, 10), 104);
  EXPECT_EQ(bytes(kGptq4G128, 8, 192), 8 * 96 + 8 * 2 * 20 / 8);
}

}  // namespace
}  // namespace rigsim::workloads
