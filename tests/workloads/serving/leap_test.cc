#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/toy_joint_cost.h"
#include "tests/workloads/serving/toy_step_cost.h"
#include "workloads/serving/front_end.h"

namespace rigsim::workloads {
namespace {

using test::CheckingObserver;
using test::ToyStepCost;

/// Stages that compute a step one after the other.
class InTurn final : public StepCost {
 public:
  explicit InTurn(std::vector<ToyStepCost>& costs) : costs_(costs) {}

  StepRun decode(const DecodeLoad& load) override {
    StepRun sum{0, 0, std::int64_t{1} << 40};
    for (ToyStepCost& each : costs_) {
      const StepRun run = each.decode(load);
      sum = {sum.first + run.first, sum.slope + run.slope, std::min(sum.steps, run.steps)};
    }
    return sum;
  }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    Ticks sum = 0;
    for (ToyStepCost& each : costs_) sum += each.mixed(load, chunks);
    return sum;
  }

 private:
  std::vector<ToyStepCost>& costs_;
};

struct Scenario {
  Traffic traffic;
  ServerConfig config;
  FrontEnd front;
  std::vector<ToyStepCost> costs = std::vector<ToyStepCost>(1);  // by station
  std::vector<StationKind> kinds = {StationKind::kStage};
  bool in_turn = false;                     // all stations are one, whose stages compute in turn
  std::optional<test::ToyJointCost> joint;  // in lock step, in place of these
  BlockCopyCost copies;                     // of each stage
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
      return VllmV0Batching{.swap = dice.chance(60)};
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
  // A token's 1,000 bytes take 0.01 to 1,000 ps: some caches are there within a step, others late.
  const double rate = 1e12 * std::pow(10.0, static_cast<double>(dice.from(0, 50)) / 10);
  for (std::size_t i = 0; i < devices; ++i) {
    up.push_back(links.network.add_link(sim::Bandwidth(rate), sim::Duration(dice.from(0, 50))));
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
  scenario.costs.front().knot = dice.from(1, 4'000);
  scenario.costs.front().step = dice.from(1, 5'000'000);
  add_requests(scenario, dice);
  config.limits.kv_blocks = some_blocks(scenario, dice);
  config.limits.swap_blocks = dice.chance(10) ? dice.from(1, 40) : 100'000;
  scenario.copies = {dice.from(0, 300'000), dice.from(0, 300'000)};
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
  const auto* v1 = std::get_if<VllmV1Batching>(&config.batching);
  if (v1 != nullptr && !v1->by_priority && !config.kv_links && dice.chance(50)) {
    config.limits.prefix_caching = true;
    config.limits.host_blocks = dice.chance(50) ? 10'000 : dice.from(1, 100);
  }
  return scenario;
}

/// Two to four replicas whose steps cost unlike or nearly alike.
void make_lock_step(Scenario& scenario, Dice& dice) {
  ServerConfig& config = scenario.config;
  if (!std::holds_alternative<VllmV1Batching>(config.batching)) config.batching = VllmV1Batching{};
  config.kv_links.reset();
  config.limits.host_blocks = 0;
  config.replicas = static_cast<std::int32_t>(dice.from(2, 4));
  config.routing = static_cast<Routing>(dice.from(0, 3));
  scenario.joint.emplace();
  scenario.joint->own = scenario.costs.front();
  scenario.joint->own.kv = dice.from(0, 40);
  scenario.joint->own.row = dice.from(0, 20'000);
  scenario.joint->idle = dice.from(1, 2'000'000);
  scenario.joint->shared = dice.from(0, 2'000);
}

/// Where it is modelled, with a draft model (slots ahead) or without.
void speculate(Scenario& scenario, Dice& dice) {
  ServerConfig& config = scenario.config;
  if (config.kv_links || !std::holds_alternative<VllmV1Batching>(config.batching)) return;
  config.limits.host_blocks = 0;
  Speculation& speculation = config.limits.speculation;
  speculation.tokens = dice.from(1, 6);
  speculation.lookahead = dice.chance(50) ? speculation.tokens : 0;
  speculation.max_context = dice.chance(30) ? dice.from(400, 900) : 0;
  for (std::int64_t i = 0; i < speculation.tokens; ++i)
    speculation.acceptance.push_back(static_cast<double>(dice.from(0, 10)) / 10);
  config.max_context = speculation.max_context;
  config.limits.kv_blocks += dice.from(0, 3);
}

/// Up to five stages with a host in front, delays and copies between them, alike or not, and as
/// many steps in flight, or some other number.
void make_pipeline(Scenario& scenario, Dice& dice) {
  const std::int64_t stages = dice.from(2, 5);
  const bool alike = dice.chance(30);
  scenario.costs.clear();
  scenario.kinds.clear();
  const auto add = [&](Ticks step, StationKind kind) {
    ToyStepCost cost;
    cost.step = step;
    cost.knot = dice.chance(50) ? dice.from(1, 4'000) : cost.knot;
    if (!alike) cost.kv = dice.from(0, 20);
    if (kind != StationKind::kStage) cost.row = cost.kv = 0;
    scenario.costs.push_back(cost);
    scenario.kinds.push_back(kind);
  };
  const std::int64_t step = dice.from(1, 2'000'000);
  if (dice.chance(50)) add(dice.from(0, 200'000), StationKind::kLine);
  for (std::int64_t s = 0; s < stages; ++s) {
    if (s > 0 && dice.chance(50)) add(dice.from(0, 500'000), StationKind::kDelay);
    if (s > 0 && dice.chance(50)) add(dice.from(0, 100'000), StationKind::kLine);
    add(alike ? step : dice.from(1, 2'000'000), StationKind::kStage);
  }
  scenario.config.in_flight = static_cast<std::int32_t>(dice.chance(80) ? stages : dice.from(1, 6));
  scenario.config.limits.async_scheduling = dice.chance(15);
}

struct Outcome {
  std::vector<RequestRecord> records;
  std::string full;  // the swap space, and the run ended there
  std::int64_t swapped = 0;
  std::int64_t loaded = 0;
  std::vector<std::vector<Ticks>> busy;
  std::vector<Ticks> waited;
  std::int64_t steps = 0;
  std::int64_t rows = 0;
  std::map<Ticks, std::int64_t> gaps;
};

Outcome run(Scenario scenario, StepMode mode) {
  scenario.config.mode = mode;
  CheckingObserver observer(scenario.traffic, scenario.config);
  Outcome outcome;
  InTurn whole(scenario.costs);
  std::vector<StepCost*> stages;
  for (ToyStepCost& each : scenario.costs) stages.push_back(&each);
  std::vector<Station> stations;
  if (scenario.in_turn) {
    stations.push_back({&whole, StationKind::kStage, stages});
  } else {
    for (std::size_t s = 0; s < scenario.costs.size(); ++s) {
      stations.push_back({&scenario.costs[s], scenario.kinds[s]});
      if (scenario.kinds[s] == StationKind::kStage) stations.back().copies = scenario.copies;
    }
  }
  if (scenario.joint) stations.assign(1, {nullptr, StationKind::kStage, {}, &*scenario.joint});
  try {
    outcome.records =
        serve_behind(scenario.front, scenario.traffic, scenario.config, stations, observer);
    observer.finish();
  } catch (const SwapSpaceFull& full) {
    outcome.full = full.what();
  }
  outcome.busy = observer.busy();
  outcome.waited = observer.waited();
  outcome.steps = observer.steps_run;
  outcome.rows = observer.rows;
  outcome.gaps = observer.gaps_by_length;
  outcome.swapped = observer.swapped_in;
  outcome.loaded = observer.host_loaded;
  return outcome;
}

struct Counts {
  std::int64_t leapt = 0;
  std::int64_t preempted = 0;
  std::int64_t found = 0;
  std::int64_t moved = 0;
  std::int64_t swapped = 0;
  std::int64_t loaded = 0;
};

/// Both modes give the same times to the last picosecond.
void expect_same_times(const Scenario& scenario, Counts& counts) {
  const Outcome fast = run(scenario, StepMode::kLeap);
  const Outcome slow = run(scenario, StepMode::kExact);
  ASSERT_EQ(fast.full, slow.full);
  ASSERT_EQ(fast.swapped, slow.swapped);
  ASSERT_EQ(fast.loaded, slow.loaded);
  counts.swapped += fast.swapped;
  counts.loaded += fast.loaded;
  if (!fast.full.empty()) return;
  ASSERT_EQ(fast.steps, slow.steps);
  ASSERT_EQ(fast.gaps, slow.gaps);
  ASSERT_EQ(fast.busy, slow.busy);
  ASSERT_EQ(fast.waited, slow.waited);
  for (std::size_t i = 0; i < fast.records.size(); ++i) {
    const RequestRecord& a = fast.records[i];
    const RequestRecord& b = slow.records[i];
    ASSERT_EQ(a.outcome, b.outcome) << "request " << i;
    ASSERT_NE(a.outcome, RequestOutcome::kUnserved) << "request " << i;
    ASSERT_EQ(a.arrival, b.arrival) << "request " << i;
    ASSERT_EQ(a.scheduled, b.scheduled) << "request " << i;
    ASSERT_EQ(a.prefilled, b.prefilled) << "request " << i;
    ASSERT_EQ(a.kv_sent, b.kv_sent) << "request " << i;
    ASSERT_EQ(a.kv_there, b.kv_there) << "request " << i;
    counts.moved += a.kv_there > sim::Time{} ? 1 : 0;
    ASSERT_EQ(a.first_token, b.first_token) << "request " << i;
    ASSERT_EQ(a.finished, b.finished) << "request " << i;
    ASSERT_EQ(a.preemptions, b.preemptions) << "request " << i;
    ASSERT_EQ(a.cached_tokens, b.cached_tokens) << "request " << i;
    ASSERT_EQ(a.host_tokens, b.host_tokens) << "request " << i;
    counts.preempted += a.preemptions;
    counts.found += a.cached_tokens;
  }
  counts.leapt += slow.rows - fast.rows;
}

// Every policy, with and without prefixes, preemption, asynchronous scheduling, several replicas,
// front ends, prompts on replicas of their own and closed loops.
TEST(Leap, GivesTheTimesOfSingleSteps) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    expect_same_times(random_scenario(seed), counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 1'000'000);
  EXPECT_GT(counts.preempted, 1'000);
  EXPECT_GT(counts.found, 50'000);
  EXPECT_GT(counts.loaded, 1'000);
  EXPECT_GT(counts.swapped, 1'000);
  EXPECT_GT(counts.moved, 1'000);
}

TEST(Leap, GivesTheTimesOfSingleStepsWithSpeculation) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 2'000'000);
    Scenario scenario = random_scenario(seed);
    speculate(scenario, dice);
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.preempted, 1'000);
  EXPECT_GT(counts.found, 50'000);
}

TEST(Leap, GivesTheTimesOfSingleStepsOfPipelines) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 1'000'000);
    Scenario scenario = random_scenario(seed);
    const Batching& batching = scenario.config.batching;
    if (std::holds_alternative<LlamaCppBatching>(batching) ||
        std::holds_alternative<TgiBatching>(batching))
      scenario.config.batching = VllmV1Batching{};
    scenario.config.limits.host_blocks = 0;
    make_pipeline(scenario, dice);
    if (std::holds_alternative<SglangBatching>(batching))
      scenario.config.limits.async_scheduling = false;
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 1'000'000);
  EXPECT_GT(counts.preempted, 1'000);
  EXPECT_GT(counts.found, 50'000);
  EXPECT_GT(counts.swapped, 1'000);
}

TEST(Leap, GivesTheTimesOfSingleStepsInLockStep) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 2'000'000);
    Scenario scenario = random_scenario(seed);
    make_lock_step(scenario, dice);
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 300'000);
  EXPECT_GT(counts.preempted, 300);
  EXPECT_GT(counts.found, 30'000);
}

// llama.cpp on several devices, and what else computes one step at a time there.
TEST(Leap, GivesTheTimesOfSingleStepsOfStagesInTurn) {
  Counts counts;
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed + 2'000'000);
    Scenario scenario = random_scenario(seed);
    if (dice.chance(50)) scenario.config.batching = LlamaCppBatching{};
    const bool scheduled_ahead = scenario.config.limits.async_scheduling;
    make_pipeline(scenario, dice);
    scenario.config.in_flight = 1;
    scenario.config.limits.async_scheduling = scheduled_ahead;
    scenario.config.kv_links.reset();
    scenario.config.limits.host_blocks = 0;
    scenario.in_turn = true;
    expect_same_times(scenario, counts);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(counts.leapt, 1'000'000);
  EXPECT_GT(counts.preempted, 500);
}

}  // namespace
}  // namespace rigsim::workloads
