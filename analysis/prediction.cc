#include "analysis/prediction.h"

#include "analysis/measured_request.h"
#include "workloads/deployment_builder.h"
#include "workloads/single_stream.h"

namespace rigsim::analysis {
namespace {

using configs::EngineFile;
using workloads::Backend;
using workloads::BackendProfile;

/// The engine's profile, with `device` forgotten where the fit had seen it.
workloads::EngineProfile without(const EngineFile& engine, Backend backend,
                                 const std::string& device) {
  workloads::EngineProfile profile = engine.profile;
  const auto fits = engine.left_out.find(backend);
  if (fits == engine.left_out.end()) return profile;
  const auto fit = fits->second.find(device);
  if (fit == fits->second.end()) return profile;
  for (BackendProfile& of : profile.backends) {
    if (of.backend == backend) of = configs::without_device(of, device, fit->second);
  }
  return profile;
}

}  // namespace

RowPredictor::RowPredictor(const configs::Catalog& catalog,
                           std::span<const configs::MeasuredRow> rows, DeviceKnowledge knowledge)
    : catalog_(catalog), knowledge_(knowledge) {
  for (const configs::MeasuredRow& row : rows) {
    if (!row.scored() || engines_.contains(row.engine)) continue;
    engines_.emplace(row.engine, configs::engine_named(row.engine));
  }
}

Prediction RowPredictor::operator()(const configs::MeasuredRow& row) const {
  const EngineFile& engine = engines_.at(row.engine);
  const Backend backend = workloads::backend_of(catalog_.device(row.device));
  const bool left_out = knowledge_ == DeviceKnowledge::kLeftOut;
  const workloads::EngineProfile profile =
      left_out ? without(engine, backend, row.device) : engine.profile;
  const MeasuredRun run = measured_run(row, catalog_, profile);
  const auto result = workloads::run_single_stream(workloads::deploy(run.request), run.work);
  const bool prefill = run.phase == workloads::Phase::kPrefill;
  const BackendProfile& bands = profile.backend(backend);
  const double half_width =
      half_width_of(prefill ? bands.prefill_band : bands.decode_band, result.evidence);
  const double rate = (prefill ? result.prefill : result.decode).tokens_per_s();
  return {with_band(rate, half_width, result.evidence, "tokens/s"), backend};
}

}  // namespace rigsim::analysis
