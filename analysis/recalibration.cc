#include "analysis/recalibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace rigsim::analysis {
namespace {

using workloads::Backend;
using workloads::BackendProfile;
using workloads::Phase;

BackendProfile* profile_of(configs::EngineFile& engine, Backend backend) {
  for (auto& profile : engine.profile.backends) {
    if (profile.backend == backend) return &profile;
  }
  return nullptr;
}

/// The engines with scored rows on `backend`, and those rows.
struct Work {
  std::vector<std::size_t> engines;
  std::vector<CalibrationRow> rows;
};

Work gather(std::vector<configs::EngineFile>& engines,
            const std::vector<configs::MeasuredRow>& rows, const configs::Catalog& catalog,
            Backend backend) {
  Work work;
  for (std::size_t e = 0; e < engines.size(); ++e) {
    if (profile_of(engines[e], backend) == nullptr) continue;
    bool used = false;
    for (const auto& row : rows) {
      if (!row.scored() || row.engine != engines[e].profile.name) continue;
      if (workloads::backend_of(catalog.device(row.device)) != backend) continue;
      CalibrationRow entry;
      entry.version = work.engines.size();
      entry.run = measured_run(row, catalog, engines[e].profile);
      entry.device = row.device;
      entry.weights = entry.run.request.weights.name;
      entry.tokens_per_s = row.tokens_per_s;
      work.rows.push_back(std::move(entry));
      used = true;
    }
    if (used) work.engines.push_back(e);
  }
  return work;
}

configs::ResidualRecord record(const ResidualStatistics& s) {
  return {s.rows, s.median_abs, s.p90_abs, s.bias};
}

std::vector<double> pick(const LeftOut& left, Phase phase) {
  std::vector<double> result;
  for (std::size_t i = 0; i < left.residuals.size(); ++i) {
    if (left.phases[i] == phase) result.push_back(left.residuals[i]);
  }
  return result;
}

std::string describe(const Work& work, const std::vector<configs::EngineFile>& engines) {
  std::set<std::string> devices;
  for (const auto& row : work.rows) devices.insert(row.device);
  std::string names;
  for (const auto e : work.engines)
    names += (names.empty() ? "" : " and ") + engines[e].profile.name;
  return fmt::format("{} measured rows of {} devices under {} (catalog/measured)", work.rows.size(),
                     devices.size(), names);
}

void store(configs::EngineFile& engine, Backend backend, std::size_t version, const Calibration& c,
           const std::string& data) {
  *profile_of(engine, backend) = c.profiles[version];
  engine.data[backend] = data;
  auto& residuals = engine.residuals[backend];
  residuals.clear();
  for (const auto& [device, s] : c.decode) residuals[device].decode = record(s);
  for (const auto& [device, s] : c.prefill) residuals[device].prefill = record(s);
  auto& left_out = engine.left_out[backend];
  left_out.clear();
  for (const auto& [device, left] : c.left_out) {
    auto fit = configs::left_out_fit(left.profiles[version], left.family);
    fit.residuals.decode = record(statistics(pick(left, Phase::kDecode)));
    fit.residuals.prefill = record(statistics(pick(left, Phase::kPrefill)));
    left_out[device] = std::move(fit);
  }
}

BackendCalibration summary(const Work& work, const std::vector<configs::EngineFile>& engines,
                           Backend backend, const Calibration& c) {
  std::vector<double> fitted[2];
  std::vector<double> left[2];
  for (std::size_t i = 0; i < work.rows.size(); ++i) {
    fitted[work.rows[i].run.phase == Phase::kPrefill ? 1 : 0].push_back(c.residuals[i]);
  }
  for (const auto& [device, out] : c.left_out) {
    for (std::size_t i = 0; i < out.residuals.size(); ++i) {
      left[out.phases[i] == Phase::kPrefill ? 1 : 0].push_back(out.residuals[i]);
    }
  }
  BackendCalibration result{backend,
                            {},
                            statistics(fitted[0]),
                            statistics(fitted[1]),
                            statistics(left[0]),
                            statistics(left[1])};
  for (const auto e : work.engines) result.engines.push_back(engines[e].profile.name);
  return result;
}

}  // namespace

std::vector<BackendCalibration> recalibrate(std::vector<configs::EngineFile>& engines,
                                            const std::vector<configs::MeasuredRow>& rows,
                                            const configs::Catalog& catalog) {
  std::vector<BackendCalibration> result;
  for (const Backend backend : {Backend::kCuda, Backend::kMetal, Backend::kCpu}) {
    const Work work = gather(engines, rows, catalog, backend);
    if (work.rows.empty()) continue;
    std::vector<BackendProfile> start;
    for (const auto e : work.engines) start.push_back(*profile_of(engines[e], backend));
    const Calibration calibration = calibrate(work.rows, start);
    const std::string data = describe(work, engines);
    for (std::size_t v = 0; v < work.engines.size(); ++v) {
      store(engines[work.engines[v]], backend, v, calibration, data);
    }
    result.push_back(summary(work, engines, backend, calibration));
  }
  return result;
}

}  // namespace rigsim::analysis
