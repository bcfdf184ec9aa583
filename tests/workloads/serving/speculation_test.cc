#include "workloads/serving/speculation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"
#include "tests/workloads/serving/random_scenario.h"
#include "workloads/serving/server.h"
#include "workloads/serving/speculative_choice.h"

namespace rigsim::workloads {
namespace {

using test::CheckingObserver;
using test::EvenStepCost;
using testing::HasSubstr;

Speculation speculation_of(std::vector<double> acceptance, std::int64_t lookahead = 0) {
  Speculation speculation;
  speculation.tokens = std::ssize(acceptance);
  speculation.lookahead = lookahead;
  speculation.acceptance = std::move(acceptance);
  return speculation;
}

// The chance of exactly i accepted tokens is a1 ... ai (1 - a(i+1)); within four standard errors.
TEST(Speculation, AcceptsAsOftenAsItsRatesSay) {
  Speculation speculation = speculation_of({0.8, 0.5, 0.9});
  speculation.seed = 7;
  constexpr int kDraws = 100'000;
  std::vector<double> counts(4);
  for (int i = 0; i < kDraws; ++i)
    ++counts[static_cast<std::size_t>(
        speculation.accepted(static_cast<std::uint32_t>(i % 313), i / 313 * 4, 3))];
  const std::vector<double> chances{0.2, 0.8 * 0.5, 0.8 * 0.5 * 0.1, 0.8 * 0.5 * 0.9};
  for (std::size_t i = 0; i < chances.size(); ++i) {
    const double error = std::sqrt(chances[i] * (1 - chances[i]) * kDraws);
    EXPECT_NEAR(counts[i], chances[i] * kDraws, 4 * error) << i << " accepted";
  }
}

TEST(Speculation, DrawsOfFewerDraftsAreThoseOfMore) {
  const Speculation speculation = speculation_of({0.6, 0.6, 0.6, 0.6});
  for (std::uint32_t request = 0; request < 100; ++request) {
    const std::int64_t all = speculation.accepted(request, 5, 4);
    for (std::int64_t drafts = 0; drafts <= 4; ++drafts)
      EXPECT_EQ(speculation.accepted(request, 5, drafts), std::min(all, drafts));
  }
}

// Leviathan et al. (2023), equation 1.
TEST(Speculation, MeanLengthIsThatOfLeviathan) {
  for (const double a : {0.0, 0.3, 0.7, 0.95}) {
    for (const std::size_t tokens : {1, 3, 8}) {
      const double length = (1 - std::pow(a, tokens + 1)) / (1 - a);
      EXPECT_NEAR(mean_acceptance_length(speculation_of(std::vector(tokens, a))), length, 1e-12);
    }
  }
}

TEST(SpeculativeChoice, ReadsBackAsItWasWritten) {
  for (const std::string text :
       {"draft=llama-3.2-1b,tokens=5,acceptance=0.7", "ngram,tokens=2,acceptance=0.4/0.25",
        "draft=a/b,tokens=1,acceptance=1,draft-weights=fp8"}) {
    EXPECT_EQ(text_of(speculative_named(text)), text);
    EXPECT_EQ(speculative_named(text_of(speculative_named(text))), speculative_named(text));
  }
}

std::string refusal(const std::string& text) {
  try {
    (void)speculative_named(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(SpeculativeChoice, SaysWhatIsWrongAndWhatIsAllowed) {
  EXPECT_THAT(refusal(""), HasSubstr("needs draft=MODEL or ngram"));
  EXPECT_THAT(refusal("eagle,tokens=3"), HasSubstr("does not know \"eagle\"; allowed are draft="));
  EXPECT_THAT(refusal("ngram,acceptance=0.4"), HasSubstr("needs tokens=K"));
  EXPECT_THAT(refusal("ngram,tokens=3"), HasSubstr("needs acceptance=A"));
  EXPECT_THAT(refusal("ngram,tokens=0,acceptance=0.4"),
              HasSubstr("tokens must be a number from 1 to 64, got \"0\""));
  EXPECT_THAT(refusal("ngram,tokens=3,acceptance=1.2"), HasSubstr("rates from 0 to 1"));
  EXPECT_THAT(refusal("ngram,tokens=3,acceptance=0.5/0.4"),
              HasSubstr("one for each of the 3 tokens, got 2"));
  EXPECT_THAT(refusal("ngram,draft=x,tokens=3,acceptance=0.5"), HasSubstr("either ngram or"));
  EXPECT_THAT(refusal("ngram,tokens=3,acceptance=0.5,draft-weights=f16"),
              HasSubstr("goes with draft=MODEL"));
}

/// Equal requests, all there from the start.
Traffic burst(std::size_t requests, std::int64_t prompt, std::int64_t output) {
  Traffic traffic;
  traffic.requests.resize(requests);
  for (TrafficRequest& each : traffic.requests) {
    each.prompt_tokens = prompt;
    each.output_tokens = output;
  }
  return traffic;
}

ServerConfig roomy(Speculation speculation, bool ahead) {
  ServerConfig config;
  config.limits.kv_blocks = 100'000;
  config.limits.speculation = std::move(speculation);
  config.limits.async_scheduling = ahead;
  return config;
}

struct Outcome {
  std::vector<RequestRecord> records;
  std::int64_t steps = 0;
  double acceptance_length = 0;
};

Outcome served(const Traffic& traffic, const ServerConfig& config) {
  EvenStepCost cost(std::chrono::milliseconds(1));
  CheckingObserver observer(traffic, config);
  Outcome outcome{serve(traffic, config, cost, observer)};
  observer.finish();
  outcome.steps = observer.steps_run;
  if (observer.rows_drafted > 0)
    outcome.acceptance_length =
        1 + static_cast<double>(observer.accepted) / static_cast<double>(observer.rows_drafted);
  return outcome;
}

// A step for the prompt gives the first token, each further one K + 1: 1 + ceil(99 / 4) = 26, also
// where a step is scheduled ahead: that comes to nothing when the answer is certain to end.
TEST(SpeculativeServing, OfDraftsThatAreAllAcceptedTakesAStepForEachKPlusOne) {
  for (const bool ahead : {false, true}) {
    const Outcome outcome = served(burst(1, 10, 100), roomy(speculation_of({1, 1, 1}), ahead));
    EXPECT_EQ(outcome.records[0].finished - sim::Time{}, std::chrono::milliseconds(26)) << ahead;
    EXPECT_EQ(outcome.acceptance_length, 4);
    // The row behind the last was on its way already when that ended the answer.
    EXPECT_EQ(outcome.steps, ahead ? 27 : 26);
  }
}

// Two sequences share 5 tokens of a step: 1 + 3 for the first, one for the second, without drafts.
// All that are drafted are accepted: 4 tokens a step of those that have drafts.
TEST(SpeculativeServing, OfWhomNothingIsDraftedDoesNotCountAsRejected) {
  ServerConfig config = roomy(speculation_of({1, 1, 1}), false);
  config.limits.max_sequences = 2;
  config.limits.step_tokens = 5;
  const Outcome outcome = served(burst(2, 1, 41), config);
  EXPECT_EQ(outcome.acceptance_length, 4);
  EXPECT_LT(outcome.records[0].finished, outcome.records[1].finished);
}

TEST(SpeculativeServing, OfDraftsThatAreAllRejectedTakesAStepForEachToken) {
  for (const bool ahead : {false, true}) {
    const Outcome outcome = served(burst(1, 10, 100), roomy(speculation_of({0, 0}), ahead));
    EXPECT_EQ(outcome.records[0].finished - sim::Time{}, std::chrono::milliseconds(100));
    EXPECT_EQ(outcome.steps, 100);
    EXPECT_EQ(outcome.acceptance_length, 1);
  }
}

// (1 - a^(K + 1)) / (1 - a) tokens a step; the variance of one step's number is at most K^2 / 4.
TEST(SpeculativeServing, AnswersAsManyTokensAStepAsTheClosedFormSays) {
  for (const bool ahead : {false, true}) {
    for (const double a : {0.4, 0.7, 0.9}) {
      const Speculation speculation = speculation_of({a, a, a, a, a}, ahead ? 5 : 0);
      const Outcome outcome = served(burst(40, 16, 1'000), roomy(speculation, ahead));
      const double expected = (1 - std::pow(a, 6)) / (1 - a);
      const double steps = 40 * 1'000 / expected;
      EXPECT_NEAR(outcome.acceptance_length, expected, 4 * 2.5 / std::sqrt(steps)) << a;
    }
  }
}

// What is accepted of a request is the same alone, beside others, and out of their order.
TEST(SpeculativeServing, AcceptsTheSameWhateverRunsBeside) {
  const auto steps_of_last = [](std::int64_t most_sequences) {
    ServerConfig config = roomy(speculation_of({0.7, 0.7, 0.7}), false);
    config.limits.max_sequences = most_sequences;
    const Outcome outcome = served(burst(5, 10, 300), config);
    return outcome.records[4].finished - outcome.records[4].first_token;
  };
  EXPECT_EQ(steps_of_last(1), steps_of_last(5));
}

TEST(SpeculativeServing, AnotherSeedIsAnotherDraw) {
  const ServerConfig config = roomy(speculation_of({0.7, 0.7, 0.7}), true);
  Traffic traffic = burst(5, 10, 300);
  const Outcome one = served(traffic, config);
  const Outcome again = served(traffic, config);
  EXPECT_EQ(one.records[0].finished, again.records[0].finished);
  traffic.seed = 1;
  EXPECT_NE(one.records[0].finished, served(traffic, config).records[0].finished);
}

// Whatever the limits: CheckingObserver holds each run to that every token is answered once. Rates
// of 0 and 1 leave nothing to chance, whoever is preempted.
TEST(SpeculativeServing, ConservesTokensInAnyScenario) {
  std::int64_t preempted = 0;
  std::int64_t accepted = 0;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    test::Dice dice(seed + 2'000'000);
    test::Scenario scenario = test::random_scenario(seed);
    if (!std::holds_alternative<VllmV1Batching>(scenario.config.batching))
      scenario.config.batching = VllmV1Batching{.by_priority = dice.chance(30)};
    scenario.config.kv_links.reset();
    test::speculate(scenario, dice);
    std::vector<double>& rates = scenario.config.limits.speculation.acceptance;
    const bool all = dice.chance(50);
    const bool certain = dice.chance(20);
    if (certain) rates.assign(rates.size(), all ? 1 : 0);
    const test::ScenarioOutcome outcome = run(scenario, StepMode::kLeap);
    if (certain) {
      ASSERT_EQ(outcome.accepted, all ? outcome.drafts : 0);
    }
    accepted += outcome.accepted;
    for (const RequestRecord& each : outcome.records) {
      ASSERT_NE(each.outcome, RequestOutcome::kUnserved);
      preempted += each.preemptions;
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(preempted, 1'000);
  EXPECT_GT(accepted, 50'000);
}

TEST(SpeculativeServing, IsRefusedWhereItIsNotModelled) {
  const Traffic traffic = burst(1, 10, 10);
  ServerConfig config = roomy(speculation_of({0.5}), false);
  config.batching = OrcaBatching{};
  EXPECT_THROW((void)served(traffic, config), std::invalid_argument);
  config.batching = VllmV1Batching{};
  config.in_flight = 2;
  EXPECT_THROW((void)served(traffic, config), std::invalid_argument);
  config.in_flight = 1;
  config.limits.speculation.acceptance.clear();
  EXPECT_THROW((void)served(traffic, config), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
