#include "analysis/serving_metrics.h"

#include <gtest/gtest.h>

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
