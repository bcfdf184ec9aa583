#include "analysis/serving_run.h"

#include <algorithm>
#include <cmath>

#include "analysis/figure.h"
#include "sim/executor.h"
#include "workloads/pass_graph.h"
#include "workloads/serving/pass_stations.h"
#include "workloads/time_share.h"

namespace rigsim::analysis {
namespace {

using workloads::ServingObserver;
using workloads::ServingSetup;
using workloads::Traffic;

/// A rate is at least a tenth of what is predicted.
constexpr double kWidest = 0.9;

/// Passes on what it sees to two others.
class Both final : public ServingObserver {
 public:
  Both(ServingObserver& first, ServingObserver* second) : first_(first), second_(second) {}

  void steps_executed(const workloads::StepRecord& steps) override {
    first_.steps_executed(steps);
    if (second_ != nullptr) second_->steps_executed(steps);
  }
  void gaps_seen(const workloads::GapRun& gaps) override {
    first_.gaps_seen(gaps);
    if (second_ != nullptr) second_->gaps_seen(gaps);
  }
  void request_ended(std::uint32_t request, const workloads::RequestRecord& record) override {
    first_.request_ended(request, record);
    if (second_ != nullptr) second_->request_ended(request, record);
  }

 private:
  ServingObserver& first_;
  ServingObserver* second_;
};

ServingMetrics replay(const Traffic& traffic, const ServingSetup& setup, const ServiceLevel& level,
                      workloads::Slowness slowness, ServingObserver* observer,
                      std::vector<workloads::RequestRecord>* records = nullptr) {
  const workloads::PassStations replica(setup.deployment, setup.host, slowness);
  ServingCollector collector;
  Both both(collector, observer);
  auto ended = workloads::serve(traffic, setup.config, replica.stations(), both);
  ServingMetrics metrics = collector.metrics(traffic, setup.config, ended, level);
  if (records != nullptr) *records = std::move(ended);
  return metrics;
}

/// What prices a decode step of the run's mean batch at its mean context.
workloads::Evidence evidence_of(const ServingSetup& setup, const ServingMetrics& metrics) {
  const auto requests = std::max<std::int64_t>(metrics.finished, 1);
  const auto batch = std::max<std::int64_t>(std::llround(metrics.mean_batch), 1);
  const std::int64_t context = (metrics.prompt_tokens + metrics.output_tokens / 2) / requests + 1;
  const auto pass = workloads::lower_decode(setup.deployment, context, batch);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  return workloads::attribute(pass, executor, setup.deployment.rig.devices.size())
      .evidence.weakest_large();
}

}  // namespace

ServingRun run_serving(const Traffic& traffic, const ServingSetup& setup, const ServiceLevel& level,
                       ServingObserver* observer) {
  ServingRun run;
  run.metrics = replay(traffic, setup, level, {}, observer, &run.records);
  run.evidence = evidence_of(setup, run.metrics);
  const auto& backend = setup.deployment.backends.front();
  run.half_width = half_width_of(backend.decode_band, run.evidence);
  run.prompt_half_width = half_width_of(backend.prefill_band, run.evidence);
  // A rate off by h either way takes t / (1 - h) to t / (1 + h), as in evaluate().
  const auto times = [&](int sign) {
    const auto factor = [&](double h) { return 1 / (1 + sign * std::min(h, kWidest)); };
    return workloads::Slowness{factor(run.half_width), factor(run.prompt_half_width)};
  };
  run.slow = replay(traffic, setup, level, times(-1), nullptr);
  run.fast = replay(traffic, setup, level, times(+1), nullptr);
  return run;
}

}  // namespace rigsim::analysis
