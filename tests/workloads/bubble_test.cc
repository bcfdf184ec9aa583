#include "workloads/bubble.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

using sim::Duration;
using sim::Time;

StageSpan work(std::int64_t begin, std::int64_t end, std::int64_t filling_since = 0) {
  return {Time(Duration(begin)), Time(Duration(end)), Time(Duration(filling_since))};
}

// Stage 0 works 0-4 and 6-10, stage 1 works 4-10; both runs take 12. C = 8: stage 1 waits 2 by
// imbalance; 12 - 8 = 4 are fill and drain: stage 0 filled 2 of them, stage 1 idled 4 until 4.
TEST(Bubble, PartsAddUpToTheIdleTime) {
  const auto stages =
      explain_bubbles({{work(0, 4), work(6, 10)}, {work(4, 10)}}, Duration(12), Duration(12));
  EXPECT_EQ(stages[0].busy, Duration(8));
  EXPECT_EQ(stages[0].bubble, Duration(4));
  EXPECT_EQ(stages[0].fill, Duration(2));
  EXPECT_EQ(stages[0].drain, Duration(2));
  EXPECT_EQ(stages[0].imbalance, Duration(0));
  EXPECT_EQ(stages[1].bubble, Duration(6));
  EXPECT_EQ(stages[1].imbalance, Duration(2));
  EXPECT_EQ(stages[1].fill, Duration(4));
  EXPECT_EQ(stages[1].drain, Duration(0));
  EXPECT_DOUBLE_EQ(bubble_fraction(stages), 10.0 / 24);
}

TEST(Bubble, WhatTransfersAddIsTheSameForEveryStage) {
  const auto stages = explain_bubbles({{work(0, 4)}, {work(4, 8)}}, Duration(8), Duration(11));
  EXPECT_EQ(stages[0].transfer, Duration(3));
  EXPECT_EQ(stages[1].transfer, Duration(3));
  EXPECT_EQ(stages[0].drain, Duration(4));
  EXPECT_EQ(stages[1].fill, Duration(4));
}

TEST(Bubble, IdleTimeBeforeTheFillingBeginsIsDraining) {
  const auto stages = explain_bubbles({{work(0, 2), work(8, 10, 5)}}, Duration(10), Duration(10));
  EXPECT_EQ(stages[0].fill, Duration(3));
  EXPECT_EQ(stages[0].drain, Duration(3));
}

TEST(Bubble, ARunThatTransfersMadeShorterHasFreeTransfers) {
  const auto stages = explain_bubbles({{work(0, 6)}, {work(6, 9)}}, Duration(9), Duration(8));
  EXPECT_EQ(stages[0].transfer, Duration(0));
  EXPECT_EQ(stages[1].bubble, Duration(5));
  EXPECT_EQ(stages[1].fill + stages[1].drain + stages[1].imbalance, Duration(5));
}

TEST(Bubble, NothingToDoHasNoBubble) {
  EXPECT_EQ(bubble_fraction(explain_bubbles({{}, {}}, Duration(0), Duration(0))), 0);
}

TEST(Bubble, RefusesWorkThatOverlapsOrLeavesTheRun) {
  const Duration ten(10);
  EXPECT_THROW((void)explain_bubbles({{work(0, 5), work(4, 6)}}, ten, ten), std::invalid_argument);
  EXPECT_THROW((void)explain_bubbles({{work(5, 11)}}, ten, ten), std::invalid_argument);
  EXPECT_THROW((void)explain_bubbles({{work(5, 4)}}, ten, ten), std::invalid_argument);
  EXPECT_THROW((void)explain_bubbles({{work(0, 9)}}, ten, Duration(8)), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
