#include "workloads/serving/sglang_sizes.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

constexpr sim::Bytes mib(std::int64_t count) { return sim::Bytes(count << 20); }

// 512 + 2,048 x 1.5 + 24 x 2 + 1 / 8 x 1,024 = 3,760 of an RTX 4090's 24,564 MiB: 0.84693.
TEST(SglangSizes, OfAGpuWith24Gib) {
  const SglangSizes sizes = sglang_sizes(mib(24'564), 1);
  EXPECT_EQ(sizes.chunk_tokens, 2048);
  EXPECT_EQ(sizes.captured, (std::vector<std::int64_t>{1, 2, 4, 8, 12, 16, 24}));
  EXPECT_DOUBLE_EQ(sizes.memory_fraction, 0.847);
}

// 512 + 8,192 x 1.5 + 512 x 2 + 4 / 8 x 1,024 = 14,336 of 81,920 MiB: 0.825.
TEST(SglangSizes, OfFourGpusWith80Gib) {
  const SglangSizes sizes = sglang_sizes(mib(81'920), 4);
  EXPECT_EQ(sizes.chunk_tokens, 8192);
  EXPECT_EQ(sizes.captured.back(), 512);
  EXPECT_EQ(sizes.captured.size(), 5 + 31 + 15 + 1);
  EXPECT_DOUBLE_EQ(sizes.memory_fraction, 0.825);
}

// A short chunk reserves for 2,048 tokens, and a GPU with more than 60 GiB 10 GiB at least.
TEST(SglangSizes, AChunkThatIsGivenChangesWhatIsReserved) {
  EXPECT_DOUBLE_EQ(sglang_sizes(mib(24'564), 1, 256).memory_fraction, 0.847);
  EXPECT_DOUBLE_EQ(sglang_sizes(mib(24'564), 1, 8192).memory_fraction, 0.472);
  EXPECT_DOUBLE_EQ(sglang_sizes(mib(81'920), 1, 2048).memory_fraction, 0.875);
  EXPECT_THROW((void)sglang_sizes(mib(24'564), 1, 20'000), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
