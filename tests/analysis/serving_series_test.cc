#include "analysis/serving_series.h"

#include <gtest/gtest.h>

#include <vector>

namespace rigsim::analysis {
namespace {

workloads::StepRecord steps_from(double start_s, double step_s, std::int64_t steps) {
  workloads::StepRecord record;
  record.start = workloads::ticks_of_seconds(start_s);
  record.first = workloads::ticks_of_seconds(step_s);
  record.steps = steps;
  record.decodes = 4;
  record.kv_blocks_held = 10;
  return record;
}

// 2 s of steps from 0.5 s on: half a second, a whole one, half a one.
TEST(ServingSeries, SharesALeapOutOverItsWindows) {
  ServingSeries series;
  auto leap = steps_from(0.5, 0.1, 20);
  leap.preemptions = 3;
  series.add(leap);
  ASSERT_EQ(series.windows().size(), 3U);
  EXPECT_NEAR(series.windows()[0].busy_s, 0.5, 1e-9);
  EXPECT_NEAR(series.windows()[1].busy_s, 1, 1e-9);
  EXPECT_NEAR(series.windows()[1].sequence_s, 4, 1e-9);
  EXPECT_NEAR(series.windows()[2].decode_tokens, 20, 1e-6);
  EXPECT_EQ(series.windows()[2].preemptions, 3);
}

// Two stages compute 0.8 and 0.4 of 2 s, links hold up 0.2 of it: a quarter falls into the first
// window, a half into the second.
TEST(ServingSeries, SharesOutWhatStagesComputeAndLinksHoldUp) {
  ServingSeries series;
  auto leap = steps_from(0.5, 0.1, 20);
  const std::vector<workloads::Ticks> stages{workloads::ticks_of_seconds(0.8),
                                             workloads::ticks_of_seconds(0.4)};
  leap.stages = stages;
  series.add(leap, workloads::ticks_of_seconds(0.2));
  EXPECT_NEAR(series.windows()[0].stage_s, 0.3, 1e-9);
  EXPECT_NEAR(series.windows()[1].stage_s, 0.6, 1e-9);
  EXPECT_NEAR(series.windows()[1].link_s, 0.1, 1e-9);
}

TEST(ServingSeries, DoublesItsWindowsAndLosesNothing) {
  ServingSeries series;
  for (int i = 0; i < 1'000; ++i) series.add(steps_from(20.0 * i, 0.5, 10));
  EXPECT_EQ(series.window_s(), 8);
  EXPECT_LE(series.windows().size(), ServingSeries::kMost);
  SeriesWindow sum;
  for (const SeriesWindow& window : series.windows()) sum += window;
  EXPECT_NEAR(sum.busy_s, 5'000, 1e-6);
  EXPECT_NEAR(sum.decode_tokens, 40'000, 1e-3);
}

}  // namespace
}  // namespace rigsim::analysis
