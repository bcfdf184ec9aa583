#include "workloads/traffic_change.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

/// Three requests at 0, 1 and 3 s; prefixes of 512-token blocks.
Traffic sample() {
  Traffic traffic{"sample", {}, 512, {1, 2, 1, 3, 4}};
  traffic.requests = {{sim::Time(0s), 1000, 10, 0, 0, 2},
                      {sim::Time(1s), 1500, 100, 0, 2, 3},
                      {sim::Time(3s), 5, 1, 0, 5, 0}};
  return traffic;
}

TEST(TrafficChange, TwiceTheRateHalvesTheTimes) {
  Traffic traffic = sample();
  traffic.closed_loop = ClosedLoop{1, {1s, 2s, 3s}};
  scale_rate(traffic, 2);
  EXPECT_EQ(traffic.requests[1].arrival, sim::Time(500ms));
  EXPECT_EQ(traffic.requests[2].arrival, sim::Time(1500ms));
  EXPECT_EQ(traffic.closed_loop->think[2], 1500ms);
  EXPECT_THROW(scale_rate(traffic, 0), std::invalid_argument);
  EXPECT_THROW(scale_rate(traffic, 1e-30), std::out_of_range);
}

TEST(TrafficChange, LongerPromptsShareLongerBlocks) {
  Traffic traffic = sample();
  scale_lengths(traffic, 2, 0.01);
  EXPECT_EQ(traffic.requests[0].prompt_tokens, 2000);
  EXPECT_EQ(traffic.requests[0].output_tokens, 1);
  EXPECT_EQ(traffic.hash_block_tokens, 1024);
  EXPECT_EQ(traffic.requests[1].hash_count, 3U);
  scale_lengths(traffic, 0.0001, 1);
  EXPECT_EQ(traffic.hash_block_tokens, 1);
  EXPECT_EQ(traffic.requests[0].prompt_tokens, 1);
  EXPECT_EQ(traffic.requests[0].hash_count, 1U);
  EXPECT_THROW(scale_lengths(traffic, 1, 1e12), std::invalid_argument);
}

TEST(TrafficChange, ACutKeepsFromUpToButNotTo) {
  Traffic traffic = sample();
  cut_time(traffic, 1s, 3s);
  ASSERT_EQ(traffic.requests.size(), 1U);
  EXPECT_EQ(traffic.requests[0].prompt_tokens, 1500);
  EXPECT_EQ(traffic.requests[0].arrival, sim::Time{});
  cut_time(traffic, sim::Duration(1), std::nullopt);
  EXPECT_TRUE(traffic.requests.empty());
}

TEST(TrafficChange, TheFirstAreKept) {
  Traffic traffic = sample();
  keep_first(traffic, 9);
  EXPECT_EQ(traffic.requests.size(), 3U);
  keep_first(traffic, 2);
  EXPECT_EQ(traffic.requests.size(), 2U);
}

// Context 1024: 1000 + 10 fits; 1500 becomes 1023 + 1, of which one 512-token block is whole.
TEST(TrafficChange, TruncatesToTheContextAndCounts) {
  Traffic traffic = sample();
  const ContextCut cut = fit_context(traffic, 1024, TooLong::kTruncate);
  EXPECT_EQ(cut.truncated_prompts, 1);
  EXPECT_EQ(cut.truncated_outputs, 1);
  EXPECT_EQ(cut.dropped, 0);
  EXPECT_EQ(traffic.requests[0].prompt_tokens, 1000);
  EXPECT_EQ(traffic.requests[1].prompt_tokens, 1023);
  EXPECT_EQ(traffic.requests[1].output_tokens, 1);
  EXPECT_EQ(traffic.requests[1].hash_count, 1U);
}

// Prompts of at most 600: 1000 + 10 becomes 600 + 10.
TEST(TrafficChange, TruncatesPromptsAlone) {
  Traffic traffic = sample();
  const ContextCut cut = fit_context(traffic, 1024, TooLong::kTruncate, 600);
  EXPECT_EQ(cut.truncated_prompts, 2);
  EXPECT_EQ(traffic.requests[0].prompt_tokens, 600);
  EXPECT_EQ(traffic.requests[0].output_tokens, 10);
  EXPECT_EQ(fit_context(traffic, 1024, TooLong::kDrop, 599).dropped, 2);
  EXPECT_THROW(fit_context(traffic, 1024, TooLong::kDrop, 0), std::invalid_argument);
}

TEST(TrafficChange, DropsWhatDoesNotFitWithItsThinkTime) {
  Traffic traffic = sample();
  traffic.closed_loop = ClosedLoop{1, {1s, 2s, 3s}};
  EXPECT_EQ(fit_context(traffic, 1024, TooLong::kDrop).dropped, 1);
  ASSERT_EQ(traffic.requests.size(), 2U);
  EXPECT_EQ(traffic.requests[1].prompt_tokens, 5);
  EXPECT_EQ(traffic.closed_loop->think, (std::vector<sim::Duration>{1s, 3s}));
  EXPECT_THROW(fit_context(traffic, 1, TooLong::kDrop), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
