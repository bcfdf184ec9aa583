#include "analysis/serving_metrics.h"

#include <gtest/gtest.h>

#include <vector>

namespace rigsim::analysis {
namespace {

using workloads::RequestOutcome;
using workloads::RequestRecord;

sim::Time at(double seconds) { return sim::Time(sim::from_seconds(seconds)); }

/// Requests of 10 prompt and 5 output tokens that arrive every second and wait `wait(i)`: first
/// token 1 s after they are scheduled, then one every 0.5 s.
struct Served {
  workloads::Traffic traffic;
  workloads::ServerConfig config;
  std::vector<RequestRecord> records;

  template <class F>
  Served(int requests, F wait) {
    config.limits.kv_blocks = 100;
    for (int i = 0; i < requests; ++i) {
      traffic.requests.push_back({at(i), 10, 5});
      RequestRecord record;
      record.outcome = RequestOutcome::kFinished;
      record.arrival = at(i);
      record.scheduled = at(i + wait(i));
      record.first_token = at(i + wait(i) + 1);
      record.finished = at(i + wait(i) + 3);
      records.push_back(record);
    }
  }

  [[nodiscard]] ServingMetrics metrics(const ServiceLevel& level = {}) const {
    return ServingCollector().metrics(traffic, config, records, level);
  }
};

double none(int) { return 0; }

// 30 requests, 150 tokens out, the last token at 29 + 3 s.
TEST(ServingMetrics, AreThoseOfTheRecords) {
  const ServingMetrics m = Served(30, none).metrics();
  EXPECT_EQ(m.finished, 30);
  EXPECT_DOUBLE_EQ(m.duration_s, 32);
  EXPECT_DOUBLE_EQ(m.output_tokens_per_s, 150.0 / 32);
  EXPECT_DOUBLE_EQ(m.ttft_s.mean, 1);
  EXPECT_DOUBLE_EQ(m.tpot_s.p99, 0.5);
  EXPECT_DOUBLE_EQ(m.e2e_s.p50, 3);
  EXPECT_DOUBLE_EQ(m.normalised_s.mean, 0.6);
  EXPECT_FALSE(m.good_fraction);
  EXPECT_FALSE(m.queue_growth);
}

// Of 32 s, steps are on their way in 16; the two stages compute in 8 and 12 of these.
TEST(ServingMetrics, TheBubbleIsWhatStagesIdleMeanwhile) {
  const auto ticks = [](double seconds) { return workloads::to_ticks(sim::from_seconds(seconds)); };
  const std::vector<workloads::Ticks> stages{ticks(8), ticks(12)};
  workloads::StepRecord steps{.first = ticks(20), .decodes = 4};
  steps.alone = ticks(16);
  steps.stages = stages;
  ServingCollector collector;
  collector.steps_executed(steps);
  const Served served(30, none);
  const ServingMetrics m = collector.metrics(served.traffic, served.config, served.records, {});
  EXPECT_DOUBLE_EQ(m.busy_fraction, 0.5);
  EXPECT_DOUBLE_EQ(m.stage_busy.at(0), 0.25);
  EXPECT_DOUBLE_EQ(m.stage_busy.at(1), 0.375);
  EXPECT_DOUBLE_EQ(m.bubble_fraction, 0.375);
  EXPECT_DOUBLE_EQ(m.mean_batch, 4);
}

// Of 5 sequences 2 have 3 drafts each, of which 4 are accepted.
TEST(ServingMetrics, AcceptanceLengthIsOfThoseWithDrafts) {
  ServingCollector collector;
  collector.steps_executed({.decodes = 5, .drafts = 6, .drafted = 2, .accepted = 4});
  const Served served(1, none);
  const ServingMetrics m = collector.metrics(served.traffic, served.config, served.records, {});
  EXPECT_DOUBLE_EQ(m.acceptance_length, 1 + 4.0 / 2);
  EXPECT_DOUBLE_EQ(m.accepted_fraction, 4.0 / 6);
}

TEST(ServingMetrics, GoodputCountsWhatKeepsEveryLimit) {
  const Served served(10, [](int i) { return i < 5 ? 0.0 : 2.0; });
  EXPECT_DOUBLE_EQ(*served.metrics({.ttft_s = 2}).good_fraction, 0.5);
  EXPECT_DOUBLE_EQ(*served.metrics({.ttft_s = 3}).good_fraction, 1);
  EXPECT_DOUBLE_EQ(*served.metrics({.ttft_s = 3, .tpot_s = 0.4}).good_fraction, 0);
}

// One request a second arrives and one ends every two seconds: of the 49 of the second half 25
// pile up (i + 3 + i <= 99 ends by the last arrival: the first 49; by the middle, 49.5 s: 24).
TEST(ServingMetrics, SayWhatShareOfARisingQueuePilesUp) {
  const ServingMetrics m = Served(100, [](int i) { return static_cast<double>(i); }).metrics();
  ASSERT_TRUE(m.queue_growth);
  EXPECT_DOUBLE_EQ(*m.queue_growth, 25.0 / 50);
}

TEST(ServingMetrics, AQueueThatSwingsDoesNotGrow) {
  EXPECT_FALSE(Served(100, [](int i) { return i % 10 * 0.5; }).metrics().queue_growth);
  EXPECT_FALSE(Served(100, [](int i) { return 0.01 * i; }).metrics().queue_growth);
}

// All are there before the first one ends.
TEST(ServingMetrics, OneBurstIsNoGrowth) {
  EXPECT_FALSE(Served(100, [](int i) { return 1000.0 + 10 * i; }).metrics().queue_growth);
}

TEST(ServingMetrics, OfNothingServedAreZero) {
  Served served(3, none);
  for (RequestRecord& record : served.records) record.outcome = RequestOutcome::kTooLong;
  const ServingMetrics m = served.metrics({.ttft_s = 1});
  EXPECT_EQ(m.too_long, 3);
  EXPECT_EQ(m.finished, 0);
  EXPECT_EQ(m.duration_s, 0);
  EXPECT_EQ(m.good_fraction, 0);
}

}  // namespace
}  // namespace rigsim::analysis
