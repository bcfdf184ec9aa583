#include "workloads/pipeline_closed_form.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <vector>

#include "workloads/pipeline_graph.h"

namespace rigsim::workloads {
namespace {

using enum PipelineSchedule;
using sim::Duration;

// 7, 9 and 5 ps: no common factor, and weight gradients that fit where ZB-H1 puts them.
constexpr ChunkTime kUneven{Duration(7), Duration(9), Duration(5)};
constexpr ChunkTime kEven{Duration(1000), Duration(1000), Duration(1000)};

PipelineResult run(const PipelineShape& shape, const ChunkTime& each) {
  return run_pipeline({shape, std::vector<ChunkTime>(shape.positions(), each), {}, {}, {}});
}

/// p = 2..16, m = 1..64: the run's makespan is the closed form's, to the picosecond.
void expect_exact(PipelineSchedule schedule, std::uint32_t chunks, const ChunkTime& each) {
  for (std::uint32_t p = 2; p <= 16; ++p) {
    for (std::uint32_t m = 1; m <= 64; ++m) {
      if (chunks > 1 && m % p != 0) continue;
      const PipelineShape shape{schedule, p, m, chunks};
      const auto expected = closed_form_makespan(shape, each);
      ASSERT_TRUE(expected);
      ASSERT_EQ(run(shape, each).makespan, *expected) << "p " << p << " m " << m;
    }
  }
}

// (p-1)/(m+p-1) of the total for p = 4, m = 8: 3/11. Interleaved with v = 2: 3/19. ZB-H1 with equal
// thirds: (p-1) of 3 m + (p-1): 3/27. Serial 3/4.
TEST(PipelineClosedForm, GivesThePublishedBubbles) {
  EXPECT_DOUBLE_EQ(*closed_form_bubble({kGpipe, 4, 8}, kEven), 3.0 / 11);
  EXPECT_DOUBLE_EQ(*closed_form_bubble({kOneForwardOneBackward, 4, 8}, kUneven), 3.0 / 11);
  EXPECT_DOUBLE_EQ(*closed_form_bubble({kInterleaved, 4, 8, 2}, kEven), 3.0 / 19);
  EXPECT_DOUBLE_EQ(*closed_form_bubble({kZeroBubbleH1, 4, 8}, kEven), 3.0 / 27);
  EXPECT_DOUBLE_EQ(*closed_form_bubble({kSerial, 4, 8}, kEven), 3.0 / 4);
  EXPECT_DOUBLE_EQ(*closed_form_bubble({kInference, 4, 8}, kEven), 3.0 / 11);
}

TEST(PipelineClosedForm, IsExactForGpipe) {
  expect_exact(kGpipe, 1, kEven);
  expect_exact(kGpipe, 1, kUneven);
}

TEST(PipelineClosedForm, IsExactForOneForwardOneBackward) {
  expect_exact(kOneForwardOneBackward, 1, kEven);
  expect_exact(kOneForwardOneBackward, 1, kUneven);
}

TEST(PipelineClosedForm, IsExactForInterleavedChunks) {
  for (const std::uint32_t chunks : {2U, 3U, 4U}) {
    expect_exact(kInterleaved, chunks, kEven);
    expect_exact(kInterleaved, chunks, kUneven);
  }
}

TEST(PipelineClosedForm, IsExactForZeroBubble) {
  expect_exact(kZeroBubbleH1, 1, kEven);
  expect_exact(kZeroBubbleH1, 1, kUneven);
}

TEST(PipelineClosedForm, IsExactForTheSerialSplitAndForInference) {
  expect_exact(kSerial, 1, kUneven);
  expect_exact(kInference, 1, kUneven);
}

// m >= p: the stages are never short of work; m < p: each round takes p steps of F.
TEST(PipelineClosedForm, IsExactForRoundsOfInference) {
  for (std::uint32_t p = 2; p <= 8; ++p) {
    for (std::uint32_t m = 1; m <= 12; ++m) {
      const PipelineShape shape{kInference, p, m, 1, 5};
      EXPECT_EQ(run(shape, kUneven).makespan, *closed_form_makespan(shape, kUneven));
    }
  }
}

// The bubble of a run of equal stages is fill and drain only, the same for every stage, and its
// share is the closed form's: (p-1)/(m+p-1) and so on. The serial split: (p-1)/p.
TEST(PipelineClosedForm, BubblesOfEqualStagesAreFillAndDrain) {
  for (const auto schedule :
       {kSerial, kInference, kGpipe, kOneForwardOneBackward, kInterleaved, kZeroBubbleH1}) {
    const PipelineShape shape{schedule, 4, 8, schedule == kInterleaved ? 2U : 1U};
    const PipelineResult result = run(shape, kEven);
    for (const StageBubble& stage : result.stages) {
      EXPECT_EQ(stage.imbalance, Duration(0));
      EXPECT_EQ(stage.transfer, Duration(0));
      EXPECT_EQ(stage.fill + stage.drain, stage.bubble);
      EXPECT_EQ(stage.bubble, result.stages[0].bubble);
    }
    EXPECT_DOUBLE_EQ(bubble_fraction(result.stages), *closed_form_bubble(shape, kEven));
  }
}

// W > F: the last stage's weight gradients hold up the input gradients that the others wait for.
TEST(PipelineClosedForm, HasNoneForZeroBubbleWithLongWeightGradients) {
  const ChunkTime each{Duration(5), Duration(9), Duration(7)};
  EXPECT_FALSE(closed_form_makespan({kZeroBubbleH1, 4, 8}, each));
  EXPECT_FALSE(closed_form_bubble({kZeroBubbleH1, 4, 8}, each));
  EXPECT_GT(run({kZeroBubbleH1, 4, 8}, each).makespan, Duration(8 * 21 + 3 * (5 + 9 - 7)));
}

TEST(PipelineClosedForm, RefusesNegativeTimes) {
  EXPECT_THROW((void)closed_form_makespan({kGpipe, 2, 2}, {Duration(-1), {}, {}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
