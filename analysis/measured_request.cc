#include "analysis/measured_request.h"

#include <algorithm>
#include <stdexcept>

namespace rigsim::analysis {
namespace {

void set_threads(topology::Rig& rig, int threads) {
  for (auto& installed : rig.devices) {
    if (installed.device.kind != topology::DeviceKind::kCpu) continue;
    installed.device.sm_count = std::min(installed.device.sm_count, threads);
  }
}

}  // namespace

MeasuredRun measured_run(const configs::MeasuredRow& row, const configs::Catalog& catalog,
                         const workloads::EngineProfile& engine) {
  if (row.phase == configs::MeasuredPhase::kLoad) {
    throw std::invalid_argument("a row that timed a load has no throughput to predict: " +
                                row.source_place);
  }
  MeasuredRun run;
  run.request.model = catalog.model(row.model);
  run.request.weights = catalog.weights_format(row.weights);
  run.request.kv_format = catalog.kv_format(row.kv_format);
  run.request.engine = engine;
  run.request.rig = catalog.rig(row.rig);
  if (row.threads) set_threads(run.request.rig, *row.threads);
  run.request.plan = workloads::split_plan(engine.splits.front(),
                                           static_cast<int>(run.request.rig.devices.size()));
  const bool prefill = row.phase == configs::MeasuredPhase::kPrefill;
  run.phase = prefill ? workloads::Phase::kPrefill : workloads::Phase::kDecode;
  run.work.prompt_tokens = prefill ? row.prompt_tokens : 0;
  run.work.output_tokens = prefill ? 0 : row.output_tokens;
  run.work.batch = row.batch;
  run.work.context_tokens = row.context_depth;
  run.request.batch = row.batch;
  run.request.context = row.context_depth + run.work.prompt_tokens + run.work.output_tokens;
  return run;
}

}  // namespace rigsim::analysis
