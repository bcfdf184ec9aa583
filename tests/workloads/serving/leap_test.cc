#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/toy_step_cost.h"
#include "workloads/serving/front_end.h"

namespace rigsim::workloads {
namespace {

using test::CheckingObserver;
using test::ToyStepCost;

struct Scenario {
  Traffic traffic;
  ServerConfig config;
  ToyStepCost cost;
  FrontEnd front;
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::int64_t from(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
  }
  bool chance(int percent) { return from(1, 100) <= percent; }

 private:
  std::mt19937_64 engine_;
};

Batching any_batching(Dice& dice) {
  switch (dice.from(0, 11)) {
    case 0:
      return VllmV0Batching{};
    case 1:
      return SarathiBatching{};
    case 2:
      return OrcaBatching{};
    case 3:
      return StaticBatching{};
    case 4:
    case 5:
    case 6:
      return SglangBatching{.longest_prefix_first = dice.chance(50),
                            .conservativeness = static_cast<double>(dice.from(1, 15)) / 10,
                            .prefill_tokens = dice.chance(50) ? 16384 : dice.from(1, 600)};
    case 7:
      return LlamaCppBatching{};
    case 8:
      return TgiBatching{.waiting_served_ratio = static_cast<double>(dice.from(0, 12)) / 10,
                         .max_waiting_tokens = dice.from(0, 30)};
    default:
      return VllmV1Batching{.long_prefill_tokens = dice.chance(20) ? dice.from(8, 100) : 0,
                            .reserve_prompt = dice.chance(50),
                            .by_priority = dice.chance(30)};
  }
}

void add_requests(Scenario& scenario, Dice& dice) {
  const std::int64_t count = dice.from(1, 60);
  const std::int64_t pause = dice.from(0, 400);
  const std::int64_t longest = dice.from(2, 400);
  std::int64_t now = 0;
  const bool prefixes = dice.chance(40);
  if (prefixes) scenario.traffic.hash_block_tokens = 32;
  for (std::int64_t i = 0; i < count; ++i) {
    now += dice.from(0, pause) * 1'000;
    TrafficRequest request;
    request.arrival = sim::Time(sim::Duration(now));
    request.prompt_tokens = dice.from(1, longest);
    request.output_tokens = dice.from(1, longest);
    request.priority = static_cast<std::int32_t>(dice.from(0, 2));
    if (prefixes) {
      request.first_hash = static_cast<std::uint32_t>(scenario.traffic.prefix_hashes.size());
      const std::int64_t family = dice.from(0, 3);
      const std::int64_t shared = dice.from(0, 6);
      for (std::int64_t b = 0; b * 32 < request.prompt_tokens; ++b) {
        scenario.traffic.prefix_hashes.push_back(
            static_cast<std::uint64_t>(b < shared ? family * 1000 + b : 10'000 + i * 100 + b));
        ++request.hash_count;
      }
    }
    scenario.traffic.requests.push_back(request);
  }
}

/// Mostly few more than the longest request needs, so that blocks run out.
std::int64_t some_blocks(const Scenario& scenario, Dice& dice) {
  std::int64_t longest = 1;
  for (const TrafficRequest& request : scenario.traffic.requests)
    longest = std::max(longest, request.prompt_tokens + request.output_tokens);
  std::int64_t needed = longest / scenario.config.limits.kv_block_tokens + 1;
  // Each slot of llama.cpp has a share.
  if (std::holds_alternative<LlamaCppBatching>(scenario.config.batching))
    needed *= scenario.config.limits.max_sequences;
  if (dice.chance(10)) return std::max<std::int64_t>(needed / 2, 1);
  return needed + dice.from(0, dice.chance(70) ? 12 : 300);
}

/// The replicas' devices on a star, each with a link up and down.
KvLinks some_kv_links(std::int32_t replicas, Dice& dice) {
  KvLinks links;
  links.prefill_replicas = static_cast<std::int32_t>(dice.from(1, replicas - 1));
  links.decode_replicas = replicas - links.prefill_replicas;
  links.bytes_per_token.assign(static_cast<std::size_t>(dice.from(1, 2)), 1'000.0);
  std::vector<sim::LinkId> up;
  std::vector<sim::LinkId> down;
  const auto devices = static_cast<std::size_t>(replicas) * links.ranks();
  const auto rate = static_cast<double>(dice.from(1, 2'000)) * 1e9;
  for (std::size_t i = 0; i < devices; ++i) {
    up.push_back(links.network.add_link(sim::Bandwidth(rate), sim::Duration(dice.from(0, 5'000))));
    down.push_back(links.network.add_link(sim::Bandwidth(rate)));
  }
  const auto prefill = static_cast<std::size_t>(links.prefill_replicas);
  for (std::size_t from = 0; from < prefill; ++from) {
    for (std::size_t to = prefill; to < static_cast<std::size_t>(replicas); ++to) {
      for (std::size_t rank = 0; rank < links.ranks(); ++rank) {
        links.routes.push_back(links.network.add_route(
            {up[from * links.ranks() + rank], down[to * links.ranks() + rank]}));
      }
    }
  }
  return links;
}

Scenario random_scenario(std::uint64_t seed) {
  Dice dice(seed);
  Scenario scenario;
  ServerConfig& config = scenario.config;
  config.batching = any_batching(dice);
  config.limits.max_sequences = dice.from(1, 24);
  config.limits.step_tokens = dice.from(config.limits.max_sequences, 700);
  config.limits.kv_block_tokens = dice.chance(50) ? 16 : dice.from(1, 2) * 8;
  config.limits.prefix_caching = dice.chance(50);
  config.limits.async_scheduling = dice.chance(50);
  config.replicas = static_cast<std::int32_t>(dice.from(1, 3));
  config.routing = static_cast<Routing>(dice.from(0, 2));
  if (std::holds_alternative<SglangBatching>(config.batching))  // a chunk is a page at least
    config.limits.step_tokens = std::max(config.limits.step_tokens, config.limits.kv_block_tokens);
  scenario.cost.knot = dice.from(1, 4'000);
  scenario.cost.step = dice.from(1, 5'000'000);
  add_requests(scenario, dice);
  config.limits.kv_blocks = some_blocks(scenario, dice);
  if (dice.chance(25)) {
    ClosedLoop loop{dice.from(1, 8), {}};
    for (std::size_t i = 0; i < scenario.traffic.requests.size(); ++i)
      loop.think.emplace_back(dice.from(0, 50) * 1'000);
    scenario.traffic.closed_loop = loop;
  }
  if (dice.chance(50)) {  // steps take some 10 to 100 ps here, so that outputs pile up at times
    scenario.front.tokenize_us = static_cast<double>(dice.from(0, 3)) * 1e-6;
    scenario.front.output_us = static_cast<double>(dice.from(0, 12)) * 0.5e-6;
  }
  if (config.replicas > 1 && std::holds_alternative<VllmV1Batching>(config.batching) &&
      dice.chance(40)) {
    config.kv_links = some_kv_links(config.replicas, dice);
  }
  return scenario;
}

struct Outcome {
  std::vector<RequestRecord> records;
  std::int64_t steps = 0;
  std::int64_t rows = 0;
  std::map<Ticks, std::int64_t> gaps;
};

Outcome run(Scenario scenario, StepMode mode) {
  scenario.config.mode = mode;
  CheckingObserver observer(scenario.traffic, scenario.config);
  Outcome outcome;
  outcome.records =
      serve_behind(scenario.front, scenario.traffic, scenario.config, scenario.cost, observer);
  observer.finish();
  outcome.steps = observer.steps_run;
  outcome.rows = observer.rows;
  outcome.gaps = observer.gaps_by_length;
  return outcome;
}

// Every policy, with and without prefixes, preemption, asynchronous scheduling, several replicas,
// front ends, prompts on replicas of their own and closed loops: both modes give the same times to
// the last picosecond.
TEST(Leap, GivesTheTimesOfSingleSteps) {
  std::int64_t leapt = 0;
  std::int64_t preempted = 0;
  std::int64_t found = 0;
  std::int64_t moved = 0;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    const Scenario scenario = random_scenario(seed);
    const Outcome fast = run(scenario, StepMode::kLeap);
    const Outcome slow = run(scenario, StepMode::kExact);
    ASSERT_EQ(fast.steps, slow.steps) << "seed " << seed;
    ASSERT_EQ(fast.gaps, slow.gaps) << "seed " << seed;
    for (std::size_t i = 0; i < fast.records.size(); ++i) {
      const RequestRecord& a = fast.records[i];
      const RequestRecord& b = slow.records[i];
      ASSERT_EQ(a.outcome, b.outcome) << "seed " << seed << " request " << i;
      ASSERT_NE(a.outcome, RequestOutcome::kUnserved) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.arrival, b.arrival) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.scheduled, b.scheduled) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.prefilled, b.prefilled) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.kv_sent, b.kv_sent) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.kv_there, b.kv_there) << "seed " << seed << " request " << i;
      moved += a.kv_there > sim::Time{} ? 1 : 0;
      ASSERT_EQ(a.first_token, b.first_token) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.finished, b.finished) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.preemptions, b.preemptions) << "seed " << seed << " request " << i;
      ASSERT_EQ(a.cached_tokens, b.cached_tokens) << "seed " << seed << " request " << i;
      preempted += a.preemptions;
      found += a.cached_tokens;
    }
    leapt += slow.rows - fast.rows;
    if (HasFailure()) FAIL() << "seed " << seed;
  }
  EXPECT_GT(leapt, 1'000'000);
  EXPECT_GT(preempted, 1'000);
  EXPECT_GT(found, 50'000);
  EXPECT_GT(moved, 1'000);
}

}  // namespace
}  // namespace rigsim::workloads
