#include "workloads/serving/front_end.h"

#include <gtest/gtest.h>

#include <chrono>
#include <span>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;

/// Two prompts of 100 tokens at once, three tokens of answer each, in steps of 1 ms.
std::vector<RequestRecord> served(const FrontEnd& front, bool closed_loop = false) {
  Traffic traffic;
  for (int i = 0; i < 2; ++i) {
    traffic.requests.emplace_back();
    traffic.requests.back().prompt_tokens = 100;
    traffic.requests.back().output_tokens = 3;
  }
  if (closed_loop) traffic.closed_loop = {2, std::vector<sim::Duration>(2)};
  ServerConfig config;
  config.limits.kv_blocks = 1'000;
  test::EvenStepCost cost(1ms);
  test::CheckingObserver observer(traffic, config);
  const Station station{&cost};
  auto records = serve_behind(front, traffic, config, std::span(&station, 1), observer);
  observer.finish();
  return records;
}

sim::Time at(sim::Duration time) { return sim::Time(time); }

TEST(FrontEnd, WithoutWorkChangesNothing) {
  const auto records = served({});
  EXPECT_EQ(records[1].first_token, at(1ms));
  EXPECT_EQ(records[1].finished, at(3ms));
}

// 100 tokens take 0.2 ms: the first prompt is there at 0.2 ms and its step ends at 1.2 ms; the
// second came at 0.4 ms and is computed in the next one, to 2.2 ms. Both arrived at 0.
TEST(FrontEnd, TokenisesOnePromptAfterTheOther) {
  const auto records = served({.tokenize_us = 2});
  EXPECT_EQ(records[0].arrival, at(0ms));
  EXPECT_EQ(records[0].scheduled, at(200us));
  EXPECT_EQ(records[0].first_token, at(1200us));
  EXPECT_EQ(records[1].scheduled, at(1200us));
  EXPECT_EQ(records[1].first_token, at(2200us));
}

// Two tokens a step take 0.2 ms to get out, within a step: every token comes 0.2 ms later.
TEST(FrontEnd, HandsOutTheTokensOfAStep) {
  const auto records = served({.output_us = 100});
  EXPECT_EQ(records[0].first_token, at(1200us));
  EXPECT_EQ(records[1].finished, at(3200us));
}

// Two tokens take 1.5 ms, a step 1 ms: outputs pile up, out at 2.5, 4.0 and 5.5 ms.
TEST(FrontEnd, FallsBehindWhereItIsTheSlower) {
  const auto records = served({.output_us = 750});
  EXPECT_EQ(records[0].first_token, at(2500us));
  EXPECT_EQ(records[1].finished, at(5500us));
}

TEST(FrontEnd, LengthensTheAnswersOfAClosedLoop) {
  const auto records = served({.tokenize_us = 2}, true);
  EXPECT_EQ(records[0].scheduled, at(0ms));
  EXPECT_EQ(records[0].first_token, at(1200us));
}

}  // namespace
}  // namespace rigsim::workloads
