#include "analysis/sweep_point.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <limits>
#include <new>
#include <optional>
#include <stdexcept>
#include <utility>

#include "analysis/comparison.h"
#include "analysis/scenario_service.h"
#include "analysis/serving_run.h"
#include "configs/config_error.h"

namespace rigsim::analysis {
namespace {

using configs::Scenario;
using configs::SweepRun;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<SweepMetric> single_stream_metrics() {
  std::vector<SweepMetric> all;
  for (const FigureSpec& spec : figure_specs()) {
    const std::string key(spec.key);
    const std::string title(spec.title);
    const std::string unit(spec.unit);
    all.push_back({key, unit, title});
    all.push_back({key + "_low", unit, title + ", lower end of the 90 % band"});
    all.push_back({key + "_high", unit, title + ", upper end of the 90 % band"});
    all.push_back({key + "_evidence", "1", "what the band rests on", true});
  }
  all.push_back({"headroom_bytes", "B", "free on the device with the least left; < 0: too much"});
  return all;
}

/// A figure of a serving run.
struct ServingFigure {
  const char* name;
  const char* units;
  const char* description;
  double (*value)(const ServingMetrics&);
};

double or_none(const LatencySummary& latency, double value) {
  return latency.count > 0 ? value : kNone;
}

// clang-format off: one a line
constexpr ServingFigure kServing[] = {
    {"output_tokens_per_s", "s-1", "tokens answered", [](const ServingMetrics& m) { return m.output_tokens_per_s; }},
    {"requests_per_s", "s-1", "requests finished", [](const ServingMetrics& m) { return m.requests_per_s; }},
    {"ttft_mean_s", "s", "time to first token, mean", [](const ServingMetrics& m) { return or_none(m.ttft_s, m.ttft_s.mean); }},
    {"ttft_p50_s", "s", "time to first token, median", [](const ServingMetrics& m) { return or_none(m.ttft_s, m.ttft_s.p50); }},
    {"ttft_p99_s", "s", "time to first token, 99th percentile", [](const ServingMetrics& m) { return or_none(m.ttft_s, m.ttft_s.p99); }},
    {"tpot_mean_s", "s", "time per output token, mean", [](const ServingMetrics& m) { return or_none(m.tpot_s, m.tpot_s.mean); }},
    {"tpot_p50_s", "s", "time per output token, median", [](const ServingMetrics& m) { return or_none(m.tpot_s, m.tpot_s.p50); }},
    {"tpot_p99_s", "s", "time per output token, 99th percentile", [](const ServingMetrics& m) { return or_none(m.tpot_s, m.tpot_s.p99); }},
    {"e2e_mean_s", "s", "arrival to last token, mean", [](const ServingMetrics& m) { return or_none(m.e2e_s, m.e2e_s.mean); }},
    {"e2e_p50_s", "s", "arrival to last token, median", [](const ServingMetrics& m) { return or_none(m.e2e_s, m.e2e_s.p50); }},
    {"e2e_p99_s", "s", "arrival to last token, 99th percentile", [](const ServingMetrics& m) { return or_none(m.e2e_s, m.e2e_s.p99); }},
    {"good_requests_per_s", "s-1", "requests within all limits of slo", [](const ServingMetrics& m) { return m.good_requests_per_s.value_or(kNone); }},
    {"good_fraction", "1", "of the requests, within all limits of slo", [](const ServingMetrics& m) { return m.good_fraction.value_or(kNone); }},
    {"finished", "1", "requests", [](const ServingMetrics& m) { return static_cast<double>(m.finished); }},
    {"too_long", "1", "requests turned away: a replica cannot hold them", [](const ServingMetrics& m) { return static_cast<double>(m.too_long); }},
    {"busy_fraction", "1", "of the replicas' time, steps running", [](const ServingMetrics& m) { return m.busy_fraction; }},
    {"mean_batch", "1", "sequences in a step, mean while steps run", [](const ServingMetrics& m) { return m.mean_batch; }},
    {"bubble_fraction", "1", "of the time that steps run, what a pipeline's mean stage idles", [](const ServingMetrics& m) { return m.bubble_fraction; }},
    {"link_fraction", "1", "of the time that steps run, held up by links", [](const ServingMetrics& m) { return m.use.link_fraction; }},
    {"preemptions", "1", "of sequences", [](const ServingMetrics& m) { return static_cast<double>(m.preemptions); }},
    {"energy_j", "J", "of the devices", [](const ServingMetrics& m) { return m.use.energy_j; }},
};
// clang-format on

std::vector<SweepMetric> serving_metrics() {
  std::vector<SweepMetric> all;
  for (const ServingFigure& figure : kServing)
    all.push_back({figure.name, figure.units, figure.description});
  return all;
}

PointResult without_figures(SweepRun run, PointStatus status, std::string reason) {
  PointResult result{status, std::move(reason), {}};
  for (const SweepMetric& metric : sweep_metrics(run))
    result.metrics.push_back(metric.text ? SweepCell(std::string()) : SweepCell(kNone));
  return result;
}

double gigabytes(sim::Bytes bytes) { return static_cast<double>(bytes.count()) / 1e9; }

sim::Bytes left_on(const MemoryUse& use) { return *use.capacity - use.items.total(); }

/// The device (or host) with the least left; null where no capacity is known.
const MemoryUse* fullest(const std::vector<MemoryUse>& uses) {
  const MemoryUse* found = nullptr;
  for (const MemoryUse& use : uses) {
    if (use.capacity && (found == nullptr || left_on(use) < left_on(*found))) found = &use;
  }
  return found;
}

PointResult single_stream(const Scenario& scenario, const workloads::EngineProfile& engine) {
  const RigResult rig = evaluate(scenario, engine);
  const MemoryUse* full = fullest(rig.memory);
  const double headroom = full != nullptr ? static_cast<double>(left_on(*full).count()) : kNone;
  if (!rig.fits) {
    PointResult result = without_figures(
        SweepRun::kSingleStream, PointStatus::kDoesNotFit,
        full != nullptr ? fmt::format("{} needs {:.1f} GB and has {:.1f}", full->device,
                                      gigabytes(full->items.total()), gigabytes(*full->capacity))
                        : "no device has room");
    result.metrics.back() = headroom;
    return result;
  }
  PointResult result;
  for (const FigureSpec& spec : figure_specs()) {
    const auto& figure = (*rig.performance).*spec.member;
    result.metrics.emplace_back(figure ? figure->value : kNone);
    result.metrics.emplace_back(figure ? figure->low : kNone);
    result.metrics.emplace_back(figure ? figure->high : kNone);
    result.metrics.emplace_back(figure ? workloads::to_string(figure->evidence) : std::string());
  }
  result.metrics.emplace_back(headroom);
  return result;
}

/// Ends a run between two steps.
class StopWhenAsked final : public workloads::ServingObserver {
 public:
  explicit StopWhenAsked(const std::function<bool()>& stop) : stop_(stop) {}

  void steps_executed(const workloads::StepRecord&) override {
    constexpr std::uint64_t kStepsBetweenLooks = 1024;
    if (++seen_ % kStepsBetweenLooks == 0 && stop_()) throw SweepStopped{};
  }
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}

 private:
  const std::function<bool()>& stop_;
  std::uint64_t seen_ = 0;
};

PointResult serve(const SweepFacts& facts, const Scenario& scenario,
                  const configs::EngineFile& engine, const std::function<bool()>& stop) {
  const workloads::ServingSetup setup = serving_setup(scenario, engine, facts.catalog);
  if (setup.kv_blocks < 2) {
    return without_figures(SweepRun::kServe, PointStatus::kDoesNotFit,
                           "weights, activations and runtime leave no room for KV blocks");
  }
  const FittedTraffic fitted = fitted_traffic(scenario.traffic, setup);
  StopWhenAsked watch(stop);
  ServingMetrics metrics;
  try {
    metrics =
        serve_once(fitted.loaded.traffic, setup, scenario.serving.level, stop ? &watch : nullptr);
  } catch (const workloads::SwapSpaceFull& full) {
    return without_figures(SweepRun::kServe, PointStatus::kDoesNotFit,
                           fmt::format("the swap space is full: {}", full.what()));
  }
  if (metrics.finished == 0)
    return without_figures(SweepRun::kServe, PointStatus::kDoesNotFit,
                           "a replica can hold none of the requests");
  PointResult result;
  for (const ServingFigure& figure : kServing) result.metrics.emplace_back(figure.value(metrics));
  return result;
}

}  // namespace

std::string_view to_string(PointStatus status) {
  switch (status) {
    case PointStatus::kDone:
      return "done";
    case PointStatus::kDoesNotFit:
      return "does_not_fit";
    case PointStatus::kRefused:
      return "refused";
    case PointStatus::kFailed:
      return "failed";
  }
  throw std::logic_error("no such status of a point");
}

const std::vector<SweepMetric>& sweep_metrics(SweepRun run) {
  static const std::vector<SweepMetric> single = single_stream_metrics();
  static const std::vector<SweepMetric> serving = serving_metrics();
  return run == SweepRun::kServe ? serving : single;
}

SweepFacts::SweepFacts(const configs::SweepPlan& the_plan, const configs::Catalog& the_catalog,
                       std::string own)
    : plan(the_plan), catalog(the_catalog), own_catalog(std::move(own)) {
  for (const std::string& name : plan.engines) engines.emplace(name, configs::engine_named(name));
}

PointResult with_faults_kept(SweepRun run, const std::function<PointResult()>& make) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::invalid_argument& error) {
    return without_figures(run, PointStatus::kRefused, error.what());
  } catch (const std::exception& error) {
    return without_figures(run, PointStatus::kFailed, error.what());
  }
}

PointResult run_point(const SweepFacts& facts, const Scenario& scenario,
                      const std::function<bool()>& stop) {
  const configs::EngineFile& engine = facts.engines.at(scenario.engine);
  return facts.plan.run == SweepRun::kServe ? serve(facts, scenario, engine, stop)
                                            : single_stream(scenario, engine.profile);
}

}  // namespace rigsim::analysis
