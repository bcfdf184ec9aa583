#include "analysis/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include "analysis/comparison.h"
#include "analysis/error_statistics.h"
#include "analysis/request_latency.h"
#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "workloads/serving/serving_stations.h"
#include "workloads/traffic_change.h"
#include "workloads/traffic_generator.h"

namespace rigsim::analysis {
namespace {

using testing::HasSubstr;
using workloads::ServingSetup;
using workloads::Traffic;

constexpr LoadLadder kLadder{.precision = 0.02, .lowest = -150, .highest = 150};

TEST(LoadLadder, StepsAreEquallyFarApart) {
  EXPECT_EQ(kLadder.factor(0), 1);
  EXPECT_DOUBLE_EQ(kLadder.factor(3), 1.02 * 1.02 * 1.02);
  EXPECT_DOUBLE_EQ(kLadder.factor(-2) * kLadder.factor(2), 1);
}

// Every threshold of a monotone target, and those below and above the ladder.
TEST(SearchLadder, FindsTheHighestStepThatMeets) {
  for (std::int64_t highest = -151; highest <= 151; ++highest) {
    const LadderSearch search =
        search_ladder(kLadder, [&](std::int64_t step) { return step <= highest; });
    if (highest < kLadder.lowest) {
      EXPECT_FALSE(search.step);
    } else {
      EXPECT_EQ(search.step, std::min(highest, kLadder.highest));
    }
    EXPECT_EQ(search.open, highest >= kLadder.highest) << highest;
    EXPECT_FALSE(search.meets_again);
    EXPECT_LE(search.runs, 16);
  }
}

TEST(SearchLadder, NoStepIsTriedTwiceAndNoneOutside) {
  std::set<std::int64_t> tried;
  (void)search_ladder(kLadder, [&](std::int64_t step) {
    EXPECT_TRUE(tried.insert(step).second) << step;
    EXPECT_GE(step, kLadder.lowest);
    EXPECT_LE(step, kLadder.highest);
    return step <= 97;
  });
}

// 40 does not meet, 42 does: the search ends at 39 and says so.
TEST(SearchLadder, SaysWhereTheTargetIsMetAgain) {
  const LadderSearch search =
      search_ladder(kLadder, [](std::int64_t step) { return step < 40 || step == 42; });
  EXPECT_EQ(search.step, 39);
  EXPECT_EQ(search.meets_again, 42);
}

const configs::Catalog& catalog() {
  static const configs::Catalog loaded = configs::Catalog::load();
  return loaded;
}

struct Case {
  const char* rig;
  const char* model;
  const char* weights;
  const char* engine;
  int replicas = 1;
};

ServingSetup setup_of(const Case& asked) {
  const configs::EngineFile engine = configs::engine_named(asked.engine);
  configs::Scenario scenario;
  scenario.rig = catalog().rig(asked.rig);
  scenario.model = catalog().model(asked.model);
  scenario.weights = catalog().weights_format(asked.weights);
  scenario.engine = asked.engine;
  scenario.plan = workloads::ParallelPlan{};
  scenario.plan->dp = asked.replicas;
  scenario.batch = asked.replicas;
  scenario.prompt_tokens = 1;
  scenario.output_tokens = 1;
  workloads::DeploymentRequest request = deployment_request(scenario, engine.profile);
  request.context = 2048;
  return workloads::serving_setup(request, *engine.serving);
}

Traffic traffic_of(std::uint64_t seed, std::int64_t requests = 150) {
  workloads::TrafficPlan plan{"test", workloads::PoissonArrivals{2.0}, {}};
  plan.lengths = workloads::IndependentLengths{workloads::LognormalLength{400, 1},
                                               workloads::LognormalLength{60, 0.7}};
  Traffic traffic = workloads::generate_traffic(plan, requests, seed);
  workloads::fit_context(traffic, 2047, workloads::TooLong::kTruncate);
  return traffic;
}

CapacityTarget target_of(std::optional<double> ttft, std::optional<double> tpot,
                         std::optional<double> good = {}) {
  CapacityTarget target;
  target.level.ttft_s = ttft;
  target.level.tpot_s = tpot;
  target.percentile = 0.9;
  target.good = good;
  return target;
}

bool keeps(const ServiceLevel& level, const workloads::RequestRecord& record, std::int64_t tokens) {
  const auto within = [](std::optional<double> time, std::optional<double> most) {
    return !most || !time || *time <= *most;
  };
  return within(ttft(record, tokens), level.ttft_s) && within(tpot(record, tokens), level.tpot_s);
}

bool meets(const CapacityTarget& target, const Traffic& load,
           const std::vector<workloads::RequestRecord>& records) {
  if (target.good) {
    double good = 0;
    for (std::size_t i = 0; i < records.size(); ++i)
      good += keeps(target.level, records[i], load.requests[i].output_tokens) ? 1 : 0;
    return good >= *target.good * static_cast<double>(records.size());
  }
  const auto within = [&](RequestLatency latency, std::optional<double> most) {
    return !most ||
           quantile(latencies(load.requests, records, latency), target.percentile) <= *most;
  };
  return within(ttft, target.level.ttft_s) && within(tpot, target.level.tpot_s);
}

class Nobody final : public workloads::ServingObserver {
  void steps_executed(const workloads::StepRecord&) override {}
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}
};

/// The highest step of the whole ladder below the first that does not meet.
std::optional<std::int64_t> scanned(const ServingSetup& setup, const Traffic& traffic,
                                    const CapacityTarget& target) {
  const workloads::ServingStations replica(setup);
  std::optional<std::int64_t> last;
  Nobody observer;
  for (std::int64_t step = kLadder.lowest; step <= kLadder.highest; ++step) {
    Traffic load = traffic;
    workloads::scale_rate(load, kLadder.factor(step));
    if (!meets(target, load,
               serve_behind(setup.front, load, setup.config, replica.stations(), observer)))
      break;
    last = step;
  }
  return last;
}

// 20 questions, each load of the ladder tried one by one: the same answers.
TEST(Capacity, IsWhatTryingEveryLoadGives) {
  const std::vector<Case> cases{{"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"},
                                {"rtx-4090", "llama-3-8b", "bf16", "vllm"},
                                {"2xa6000", "llama-3-8b", "bf16", "vllm", 2},
                                {"rtx-4090", "llama-3-8b", "awq", "sglang"},
                                {"rtx-4090", "llama-3-8b", "q4_k_m", "llama.cpp"}};
  const std::vector<CapacityTarget> targets{target_of(0.5, {}), target_of({}, 0.03),
                                            target_of(1.0, 0.05), target_of(1.0, 0.04, 0.95)};
  std::uint64_t seed = 1;
  int runs = 0;
  int compared = 0;
  for (const Case& asked : cases) {
    const ServingSetup setup = setup_of(asked);
    for (const CapacityTarget& target : targets) {
      const Traffic traffic = traffic_of(seed++);
      const Capacity found = capacity(setup, std::span(&traffic, 1), target, kLadder);
      const auto truth = scanned(setup, traffic, target);
      runs += found.runs;
      ++compared;
      const double rate = truth ? arrival_rate(traffic) * kLadder.factor(*truth) : 0.0;
      EXPECT_DOUBLE_EQ(found.requests_per_s, rate) << asked.rig << asked.engine << seed;
    }
  }
  EXPECT_EQ(compared, 20);
  EXPECT_LE(20 * runs, compared * 301) << runs;
}

// Of five setups the one that serves most, with fewer runs than a search in each.
TEST(BestSetup, IsTheBestOfAll) {
  const std::vector<std::int64_t> limits{256, 4, 16, 64, 0, 8};
  const Traffic traffic = traffic_of(7);
  const CapacityTarget target = target_of(1.0, 0.02);
  const auto make = [&](std::size_t i) -> std::optional<ServingSetup> {
    if (limits[i] == 0) return std::nullopt;
    ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
    setup.config.limits.max_sequences = limits[i];
    return setup;
  };
  const BestSetup best = best_setup(limits.size(), make, traffic, target, kLadder);
  std::optional<std::size_t> truth;
  double most = 0;
  int runs = 0;
  for (std::size_t i = 0; i < limits.size(); ++i) {
    const auto setup = make(i);
    if (!setup) continue;
    const Capacity each = capacity(*setup, std::span(&traffic, 1), target, kLadder);
    runs += each.runs;
    if (each.requests_per_s <= most) continue;
    most = each.requests_per_s;
    truth = i;
  }
  EXPECT_EQ(best.index, truth);
  EXPECT_NEAR(arrival_rate(traffic) * kLadder.factor(best.step), most, 1e-9 * most);
  EXPECT_EQ(best.tried, 5);
  EXPECT_LT(best.runs, runs);
}

TEST(Capacity, LiesInItsBandAndSaysWhatBreaksFirst) {
  const ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  const std::vector<Traffic> traffics{traffic_of(1), traffic_of(2), traffic_of(3)};
  const Capacity found = capacity(setup, traffics, target_of(1.0, 0.04));
  EXPECT_LT(found.low, found.requests_per_s);
  EXPECT_GT(found.high, found.requests_per_s);
  ASSERT_TRUE(found.chance);
  EXPECT_GT(*found.chance, 0);
  ASSERT_EQ(found.limits.size(), 2U);
  EXPECT_TRUE(found.limits[0].kept && found.limits[1].kept);
  EXPECT_FALSE(found.above[0].kept && found.above[1].kept);
}

TEST(Capacity, IsNoneWhereASingleRequestIsTooSlow) {
  const ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  const Traffic traffic = traffic_of(1, 20);
  const Capacity found = capacity(setup, std::span(&traffic, 1), target_of({}, 1e-3), kLadder);
  EXPECT_EQ(found.requests_per_s, 0);
  EXPECT_FALSE(found.limits.front().kept);
}

// Down to where the traffic would outlast the clock.
TEST(Capacity, IsNoneOnAWholeLadder) {
  const ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  const Traffic traffic = traffic_of(1, 60);
  EXPECT_EQ(capacity(setup, std::span(&traffic, 1), target_of({}, 1e-3)).requests_per_s, 0);
}

// vLLM V0 dies where the swap space is full; a lower load does not come to that.
TEST(Capacity, ALoadThatFillsTheSwapSpaceIsTooHigh) {
  ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  setup.config.batching = workloads::VllmV0Batching{.swap = true};
  setup.config.limits.async_scheduling = false;
  setup.config.limits.kv_blocks = 200;
  setup.config.limits.swap_blocks = 10;
  const Traffic traffic = traffic_of(1);
  const Capacity found = capacity(setup, std::span(&traffic, 1), target_of(1e6, {}), kLadder);
  EXPECT_GT(found.requests_per_s, 0);
  EXPECT_FALSE(found.open);
}

// Every second request is longer than the cache: half of the rate is served.
TEST(Capacity, WhatIsTurnedAwayIsNotServed) {
  const ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  Traffic traffic = traffic_of(1);
  const Capacity all = capacity(setup, std::span(&traffic, 1), target_of({}, 0.03), kLadder);
  for (std::size_t i = 0; i < traffic.requests.size(); i += 2)
    traffic.requests[i].prompt_tokens = 1'000'000;
  const Capacity half = capacity(setup, std::span(&traffic, 1), target_of({}, 0.03), kLadder);
  EXPECT_EQ(all.turned_away, 0);
  EXPECT_DOUBLE_EQ(half.turned_away, 0.5);
  EXPECT_GT(half.requests_per_s, 0.8 * all.requests_per_s);
  EXPECT_LT(half.requests_per_s, 1.2 * all.requests_per_s);
}

// 150 requests are over before a queue of 100 s can show.
TEST(Capacity, SaysWhereTheTrafficIsTooShort) {
  const ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  const Traffic traffic = traffic_of(1);
  EXPECT_FALSE(capacity(setup, std::span(&traffic, 1), target_of(100, {}), kLadder).lasts);
  EXPECT_TRUE(capacity(setup, std::span(&traffic, 1), target_of({}, 0.02), kLadder).lasts);
}

TEST(Capacity, SaysWhatItCannotAnswer) {
  const ServingSetup setup = setup_of({"a100-80gb-sxm", "llama-3-8b", "bf16", "vllm"});
  const auto refused = [&](const Traffic& traffic, const CapacityTarget& target) {
    try {
      (void)capacity(setup, std::span(&traffic, 1), target);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_THAT(refused(traffic_of(1), target_of({}, {})), HasSubstr("needs a limit"));
  EXPECT_THAT(refused(traffic_of(1), target_of(1, {}, 1.5)), HasSubstr("at most 1, got 1.5"));
  Traffic answers = traffic_of(1);
  for (auto& request : answers.requests) request.output_tokens = 1;
  EXPECT_THAT(refused(answers, target_of({}, 1)), HasSubstr("no request has a tpot to limit"));
  Traffic closed = traffic_of(1);
  closed.closed_loop.emplace();
  EXPECT_THAT(refused(closed, target_of(1, {})), HasSubstr("no rate to raise"));
  Traffic at_once = traffic_of(1);
  for (auto& request : at_once.requests) request.arrival = {};
  EXPECT_THAT(refused(at_once, target_of(1, {})), HasSubstr("at once"));
}

}  // namespace
}  // namespace rigsim::analysis
