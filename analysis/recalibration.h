#pragma once

#include <string>
#include <vector>

#include "analysis/calibration.h"
#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/measured_rows.h"

namespace rigsim::analysis {

/// What one backend's fit came to, for people.
struct BackendCalibration {
  workloads::Backend backend{};
  std::vector<std::string> engines;
  ResidualStatistics decode;  ///< all rows
  ResidualStatistics prefill;
  ResidualStatistics left_out_decode;
  ResidualStatistics left_out_prefill;
};

/// Refits `engines` to the scored rows that ran under them, backend by backend: engines that share
/// a backend share their devices' numbers. Backends without rows keep what they have. The engines
/// are changed in place: fits, families, bands, residuals, and what each device looks like when it
/// is left out.
[[nodiscard]] std::vector<BackendCalibration> recalibrate(
    std::vector<configs::EngineFile>& engines, const std::vector<configs::MeasuredRow>& rows,
    const configs::Catalog& catalog);

}  // namespace rigsim::analysis
