#include "workloads/serving/micro_batches.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

namespace rigsim::workloads {
namespace {

// 3 rows, 700 tokens behind 100 cached ones and 400 tokens, 512 at once: 3 + 509, 191 + 321, 79.
TEST(MicroBatches, AreFilledInTurn) {
  const std::vector<PromptChunk> chunks{{700, 100}, {400, 0}};
  const auto parts = micro_batches({3, 90}, chunks, 512);
  ASSERT_EQ(parts.size(), 3);
  EXPECT_EQ(parts[0].load.sequences, 3);
  EXPECT_EQ(parts[0].load.kv_tokens, 90);
  ASSERT_EQ(parts[0].chunks.size(), 1);
  EXPECT_EQ(parts[0].chunks[0].tokens, 509);
  EXPECT_EQ(parts[0].chunks[0].cached, 100);
  EXPECT_EQ(parts[0].logits, 3);
  ASSERT_EQ(parts[1].chunks.size(), 2);
  EXPECT_EQ(parts[1].chunks[0].tokens, 191);
  EXPECT_EQ(parts[1].chunks[0].cached, 609);
  EXPECT_EQ(parts[1].chunks[1].tokens, 321);
  EXPECT_EQ(parts[1].logits, 1);
  EXPECT_EQ(parts[1].tokens(), 512);
  ASSERT_EQ(parts[2].chunks.size(), 1);
  EXPECT_EQ(parts[2].chunks[0].cached, 321);
  EXPECT_EQ(parts[2].tokens(), 79);
  EXPECT_EQ(parts[2].logits, 1);
}

TEST(MicroBatches, AStepThatFitsIsOne) {
  const std::vector<PromptChunk> chunks{{500, 0}};
  const auto parts = micro_batches({12, 600}, chunks, 512);
  ASSERT_EQ(parts.size(), 1);
  EXPECT_EQ(parts[0].logits, 13);
}

TEST(MicroBatches, RowsThatPartShareTheContexts) {
  const auto parts = micro_batches({10, 95}, {}, 4);
  ASSERT_EQ(parts.size(), 3);
  EXPECT_EQ(parts[0].load.kv_tokens + parts[1].load.kv_tokens + parts[2].load.kv_tokens, 95);
  EXPECT_EQ(parts[2].load.sequences, 2);
  EXPECT_THROW((void)micro_batches({1, 1}, {}, 0), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
