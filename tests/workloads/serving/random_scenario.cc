#include "tests/workloads/serving/random_scenario.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <variant>

#include "tests/workloads/serving/checking_observer.h"

namespace rigsim::workloads::test {
namespace {

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

}  // namespace

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

ScenarioOutcome run(Scenario scenario, StepMode mode) {
  scenario.config.mode = mode;
  CheckingObserver observer(scenario.traffic, scenario.config);
  ScenarioOutcome outcome;
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
  outcome.drafts = observer.drafts;
  outcome.accepted = observer.accepted;
  return outcome;
}

}  // namespace rigsim::workloads::test
