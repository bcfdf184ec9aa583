#include "analysis/serving_band.h"

#include <algorithm>
#include <cmath>

#include "analysis/figure.h"
#include "sim/executor.h"
#include "workloads/pass_graph.h"
#include "workloads/time_share.h"

namespace rigsim::analysis {
namespace {

/// A rate is at least a tenth of what is predicted.
constexpr double kWidest = 0.9;

workloads::Slowness slowness(const ServingBand& band, int sign) {
  const auto factor = [&](double h) { return 1 / (1 + sign * std::min(h, kWidest)); };
  return {factor(band.decode), factor(band.prompt)};
}

workloads::Evidence evidence_of(const workloads::ServingSetup& setup,
                                const ServingMetrics& metrics) {
  const auto requests = std::max<std::int64_t>(metrics.finished, 1);
  const auto batch = std::max<std::int64_t>(std::llround(metrics.mean_batch), 1);
  const std::int64_t context = (metrics.prompt_tokens + metrics.output_tokens / 2) / requests + 1;
  const auto pass =
      workloads::lower_decode(setup.deployment, context, batch * setup.deployment.plan.dp);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  return workloads::attribute(pass, executor, setup.deployment.rig.devices.size())
      .evidence.weakest_large();
}

}  // namespace

workloads::Slowness ServingBand::slower() const { return slowness(*this, -1); }
workloads::Slowness ServingBand::faster() const { return slowness(*this, +1); }

ServingBand serving_band(const workloads::ServingSetup& setup, const ServingMetrics& metrics) {
  ServingBand band;
  band.evidence = evidence_of(setup, metrics);
  const auto& backend = setup.deployment.backends.front();
  band.decode = half_width_of(backend.decode_band, band.evidence);
  band.prompt = half_width_of(backend.prefill_band, band.evidence);
  return band;
}

}  // namespace rigsim::analysis
