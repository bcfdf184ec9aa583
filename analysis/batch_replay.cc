#include "analysis/batch_replay.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "configs/catalog.h"
#include "configs/collective_profile.h"
#include "configs/link_effects.h"
#include "configs/plan_text.h"
#include "sim/executor.h"
#include "workloads/default_plan.h"
#include "workloads/pass_graph.h"
#include "workloads/serving/pass_stations.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/time_share.h"
#include "workloads/traffic_generator.h"

namespace rigsim::analysis {
namespace {

using configs::BatchMeasure;
using configs::BatchRow;
using workloads::RequestRecord;
using workloads::ServingSetup;

/// Steps in a row with a batch that stays the same.
struct Spell {
  double start_s = 0;
  double end_s = 0;
  std::int64_t steps = 0;
  std::int64_t decodes = 0;  ///< sequences that get a token in each
  std::int64_t running = 0;
  bool prompts = false;
};

/// Keeps what a window needs to know of each step.
class SpellObserver final : public workloads::ServingObserver {
 public:
  void steps_executed(const workloads::StepRecord& record) override {
    spells_.push_back({workloads::to_seconds(record.start),
                       workloads::to_seconds(record.start + record.duration()), record.steps,
                       record.decodes, record.running, record.chunks > 0});
  }
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const RequestRecord&) override {}

  [[nodiscard]] const std::vector<Spell>& spells() const { return spells_; }

 private:
  std::vector<Spell> spells_;
};

struct Window {
  double begin_s = 0;
  double end_s = 0;

  /// Both ends of a window are ends of steps, rounded to picoseconds.
  [[nodiscard]] bool holds(const Spell& spell) const {
    constexpr double kClock_s = 1e-9;
    return spell.start_s > begin_s - kClock_s && spell.end_s < end_s + kClock_s;
  }
};

double time_of(sim::Time time) { return sim::to_seconds(time - sim::Time{}); }

Window window_of(const BatchRow& row, const std::vector<RequestRecord>& records) {
  std::vector<double> first;
  double last = 0;
  for (const RequestRecord& record : records) {
    if (record.outcome != workloads::RequestOutcome::kFinished)
      throw std::invalid_argument("a request does not fit");
    first.push_back(time_of(record.first_token));
    last = std::max(last, time_of(record.finished));
  }
  if (row.measure != BatchMeasure::kSteady) return {0, last};
  std::ranges::sort(first);
  const auto nth = [&](std::int64_t n) { return first[static_cast<std::size_t>(n - 1)]; };
  return {nth(*row.limit), nth(row.requests - *row.limit)};
}

/// Tokens that come out within `window`; the first token of a request is not of a decode.
double tokens_in(const Window& window, const BatchRow& row, const workloads::Traffic& traffic,
                 const std::vector<RequestRecord>& records, const std::vector<Spell>& spells) {
  double tokens = 0;
  if (row.measure != BatchMeasure::kSteady) {
    for (const auto& request : traffic.requests)
      tokens +=
          static_cast<double>(request.output_tokens +
                              (row.measure == BatchMeasure::kTotal ? request.prompt_tokens : 0));
    return tokens;
  }
  for (const Spell& spell : spells) {
    if (window.holds(spell)) tokens += static_cast<double>(spell.decodes * spell.steps);
  }
  for (const RequestRecord& record : records) {
    const double at = time_of(record.first_token);
    if (at > window.begin_s && at <= window.end_s) tokens += 1;
  }
  return tokens;
}

workloads::Traffic traffic_of(const BatchRow& row, std::int64_t most) {
  workloads::IndependentLengths lengths;
  lengths.prompt = workloads::FixedLength{row.prompt_tokens};
  lengths.output = workloads::FixedLength{row.output_tokens};
  if (row.output_cv > 0) {
    lengths.output =
        workloads::LognormalLength{static_cast<double>(row.output_tokens), row.output_cv};
  }
  workloads::TrafficPlan plan{row.series, workloads::ClosedArrivals{row.requests}, lengths};
  workloads::Traffic traffic = generate_traffic(plan, row.requests, 1);
  traffic.closed_loop.reset();  // all are there from the start
  for (auto& request : traffic.requests)
    request.output_tokens = std::min(request.output_tokens, most - request.prompt_tokens);
  return traffic;
}

workloads::DeploymentRequest request_of(const BatchRow& row, const configs::EngineFile& engine,
                                        const configs::Catalog& catalog) {
  workloads::DeploymentRequest request;
  request.model = catalog.model(row.model);
  request.weights = catalog.weights_format(row.weights);
  request.kv_format = catalog.kv_format(row.kv_format);
  request.engine = engine.profile;
  request.rig = configs::link_rig(row.rig, catalog);
  request.context = request.model.max_context;
  request.collectives = configs::collective_profile();
  if (row.kv_share) request.engine.memory.kv_share_of_free = row.kv_share;
  request.plan =
      row.plan.empty() ? workloads::default_plan(request) : configs::parse_plan(row.plan);
  return request;
}

ServingSetup setup_of(const BatchRow& row, const configs::EngineFile& engine,
                      const configs::Catalog& catalog) {
  if (!engine.serving)
    throw std::invalid_argument("the engine " + row.engine + " is not known as a server");
  workloads::ServingProfile profile = *engine.serving;
  profile.limits.max_sequences = row.limit.value_or(profile.limits.max_sequences);
  profile.limits.step_tokens = row.step_tokens.value_or(profile.limits.step_tokens);
  profile.first_step_us = 0;
  if (row.top_p) profile.host.sampling = profile.top_p;
  ServingSetup setup = workloads::serving_setup(request_of(row, engine, catalog), profile);
  if (setup.kv_blocks < 2) throw std::invalid_argument("the model does not fit");
  return setup;
}

/// What prices a decode step of `batch` sequences in the middle of their answers.
workloads::Evidence evidence_of(const ServingSetup& setup, const BatchRow& row, double batch) {
  const auto pass =
      workloads::lower_decode(setup.deployment, row.prompt_tokens + row.output_tokens / 2 + 1,
                              std::max<std::int64_t>(std::llround(batch), 1));
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  return workloads::attribute(pass, executor, setup.deployment.rig.devices.size())
      .evidence.weakest_large();
}

PredictedBatch replay_unnamed(const BatchRow& row, const configs::EngineFile& engine,
                              const configs::Catalog& catalog) {
  const ServingSetup setup = setup_of(row, engine, catalog);
  const workloads::Traffic traffic = traffic_of(row, setup.config.max_context);
  const workloads::PassStations replica(setup.deployment, setup.host);
  SpellObserver observer;
  const auto records = workloads::serve(traffic, setup.config, replica.stations(), observer);
  const Window window = window_of(row, records);
  const double tokens = tokens_in(window, row, traffic, records, observer.spells());

  PredictedBatch out;
  double busy_s = 0;
  double decode_s = 0;
  std::int64_t decode_steps = 0;
  for (const Spell& spell : observer.spells()) {
    if (!window.holds(spell)) continue;
    const double seconds = spell.end_s - spell.start_s;
    busy_s += seconds;
    out.mean_batch += seconds * static_cast<double>(spell.running);
    if (spell.prompts) continue;
    decode_s += seconds;
    decode_steps += spell.steps;
  }
  if (busy_s > 0) out.mean_batch /= busy_s;
  if (decode_steps > 0) out.decode_step_s = decode_s / static_cast<double>(decode_steps);
  const workloads::Evidence evidence = evidence_of(setup, row, out.mean_batch);
  const double half_width = half_width_of(setup.deployment.backends.front().decode_band, evidence);
  out.tokens_per_s =
      with_band(tokens / (window.end_s - window.begin_s), half_width, evidence, "tokens/s");
  return out;
}

}  // namespace

PredictedBatch replay(const BatchRow& row, const configs::EngineFile& engine,
                      const configs::Catalog& catalog) {
  try {
    return replay_unnamed(row, engine, catalog);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(row.series + ": " + error.what());
  }
}

}  // namespace rigsim::analysis
