#include "workloads/pipeline_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string>
#include <tuple>

namespace rigsim::workloads {
namespace {

using testing::HasSubstr;
using enum PipelineSchedule;

/// "F0 B0 ..." with b and w for the two halves of a backward, "F0.1" for chunk 1.
std::string text_of(const std::vector<PipelinePass>& order) {
  std::string text;
  for (const PipelinePass& pass : order) {
    if (!text.empty()) text += ' ';
    text += "FBbw"[static_cast<int>(pass.kind)];
    text += std::to_string(pass.micro_batch);
    if (pass.chunk > 0) text += '.' + std::to_string(pass.chunk);
    if (pass.round > 0) text += '/' + std::to_string(pass.round);
  }
  return text;
}

std::string order(const PipelineShape& shape, std::size_t stage) {
  return text_of(stage_orders(shape).at(stage));
}

TEST(PipelineSchedule, GpipeRunsAllForwardsAndThenTheBackwardsFromTheLast) {
  EXPECT_EQ(order({kGpipe, 2, 3}, 0), "F0 F1 F2 B2 B1 B0");
  EXPECT_EQ(order({kGpipe, 2, 3}, 1), "F0 F1 F2 B2 B1 B0");
}

TEST(PipelineSchedule, OneForwardOneBackwardWarmsUpWithAForwardPerStageBehind) {
  EXPECT_EQ(order({kOneForwardOneBackward, 3, 4}, 0), "F0 F1 F2 B0 F3 B1 B2 B3");
  EXPECT_EQ(order({kOneForwardOneBackward, 3, 4}, 1), "F0 F1 B0 F2 B1 F3 B2 B3");
  EXPECT_EQ(order({kOneForwardOneBackward, 3, 4}, 2), "F0 B0 F1 B1 F2 B2 F3 B3");
}

TEST(PipelineSchedule, FewerMicroBatchesThanStagesAreAllForwardsFirst) {
  EXPECT_EQ(order({kOneForwardOneBackward, 8, 2}, 0), "F0 F1 B0 B1");
  EXPECT_EQ(order({kOneForwardOneBackward, 8, 2}, 6), "F0 F1 B0 B1");
  EXPECT_EQ(order({kOneForwardOneBackward, 8, 2}, 7), "F0 B0 F1 B1");
}

// Figure 4 of Narayanan et al., SC 2021, has p = 4, m = 8, v = 2. Here p = 2, m = 4, v = 2: the
// last stage begins with (v-1) p = 2 forwards, the first with 2 + 2.
TEST(PipelineSchedule, InterleavedTakesTurnsBetweenChunksInGroupsOfOneMicroBatchPerStage) {
  EXPECT_EQ(order({kInterleaved, 2, 4, 2}, 0),
            "F0 F1 F0.1 F1.1 F2 B0.1 F3 B1.1 F2.1 B0 F3.1 B1 B2.1 B3.1 B2 B3");
  EXPECT_EQ(order({kInterleaved, 2, 4, 2}, 1),
            "F0 F1 F0.1 B0.1 F1.1 B1.1 F2 B0 F3 B1 F2.1 B2.1 F3.1 B3.1 B2 B3");
}

TEST(PipelineSchedule, InterleavedWithOneChunkIsOneForwardOneBackward) {
  EXPECT_EQ(stage_orders({kInterleaved, 4, 6, 1}), stage_orders({kOneForwardOneBackward, 4, 6, 1}));
}

// Stage s puts off s weight gradients; draining, each input gradient is followed by one.
TEST(PipelineSchedule, ZeroBubblePutsOffAsManyWeightGradientsAsStagesAreBefore) {
  EXPECT_EQ(order({kZeroBubbleH1, 3, 4}, 0), "F0 F1 F2 b0 w0 F3 b1 w1 b2 w2 b3 w3");
  EXPECT_EQ(order({kZeroBubbleH1, 3, 4}, 1), "F0 F1 b0 F2 b1 w0 F3 b2 w1 b3 w2 w3");
  EXPECT_EQ(order({kZeroBubbleH1, 3, 4}, 2), "F0 b0 F1 b1 F2 b2 w0 F3 b3 w1 w2 w3");
}

TEST(PipelineSchedule, ForwardOnlySchedulesGoRoundAfterRoundOrRequestAfterRequest) {
  EXPECT_EQ(order({kInference, 2, 2, 1, 2}, 1), "F0 F1 F0/1 F1/1");
  EXPECT_EQ(order({kSerial, 2, 2, 1, 2}, 1), "F0 F0/1 F1 F1/1");
}

// GPipe holds all m. 1F1B holds p - s on stage s, ZB-H1 p on every stage (Qi et al., table 2).
TEST(PipelineSchedule, HoldsAsManyActivationsAsPublished) {
  for (std::uint32_t stage = 0; stage < 4; ++stage) {
    EXPECT_EQ(most_held(stage_orders({kGpipe, 4, 8})[stage]), 8U);
    EXPECT_EQ(most_held(stage_orders({kOneForwardOneBackward, 4, 8})[stage]), 4 - stage);
    EXPECT_EQ(most_held(stage_orders({kZeroBubbleH1, 4, 8})[stage]), 4U);
    EXPECT_EQ(most_held(stage_orders({kInference, 4, 8})[stage]), 0U);
  }
}

TEST(PipelineSchedule, EveryStageRunsEveryPassOnce) {
  for (const auto schedule :
       {kSerial, kInference, kGpipe, kOneForwardOneBackward, kInterleaved, kZeroBubbleH1}) {
    for (std::uint32_t p = 1; p <= 8; ++p) {
      for (std::uint32_t m = p; m <= 3 * p; m += p) {
        const std::uint32_t chunks = schedule == kInterleaved ? 3 : 1;
        const std::uint32_t kinds = !has_backward(schedule) ? 1 : schedule == kZeroBubbleH1 ? 3 : 2;
        for (const auto& stage : stage_orders({schedule, p, m, chunks})) {
          std::set<std::tuple<PassKind, std::uint32_t, std::uint32_t>> seen;
          for (const auto& pass : stage) seen.insert({pass.kind, pass.micro_batch, pass.chunk});
          EXPECT_EQ(stage.size(), std::size_t{m} * chunks * kinds);
          EXPECT_EQ(seen.size(), stage.size());
        }
      }
    }
  }
}

std::string refusal(const PipelineShape& shape) {
  try {
    check(shape);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(PipelineSchedule, RefusesSizesThatItCannotRunAndSaysWhy) {
  EXPECT_THAT(refusal({kGpipe, 0, 4}), HasSubstr("0 stages, at least 1 is needed"));
  EXPECT_THAT(refusal({kGpipe, 4, 0}), HasSubstr("0 micro-batches"));
  EXPECT_THAT(refusal({kGpipe, 4, 4, 2}), HasSubstr("only the interleaved schedule"));
  EXPECT_THAT(refusal({kInterleaved, 4, 6, 2}), HasSubstr("multiple of the 4 stages"));
  EXPECT_THAT(refusal({kOneForwardOneBackward, 4, 6, 1, 2}), HasSubstr("2 rounds"));
  EXPECT_THAT(refusal({kGpipe, 4'000'000'000, 4'000'000'000}), HasSubstr("at most 3000000"));
  EXPECT_EQ(refusal({kInterleaved, 4, 8, 2}), "accepted");
}

}  // namespace
}  // namespace rigsim::workloads
