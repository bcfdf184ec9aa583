#pragma once

#include <map>
#include <string>

#include "configs/catalog.h"
#include "configs/measured_rows.h"
#include "workloads/deployment_builder.h"
#include "workloads/single_stream.h"

namespace rigsim::analysis {

/// A measured row as something to simulate.
struct MeasuredRun {
  workloads::DeploymentRequest request;
  workloads::SingleStream
      work;  ///< one of prompt and output tokens is 0: benchmarks time the phases apart
  workloads::Phase phase = workloads::Phase::kDecode;
};

/// Resolves the names of `row` under `engine`. A CPU row with a thread count runs on so many cores
/// of the CPU; a rig of several devices is split as the engine does unasked. Throws
/// std::invalid_argument for an unknown name or a row that timed a load.
[[nodiscard]] MeasuredRun measured_run(const configs::MeasuredRow& row,
                                       const configs::Catalog& catalog,
                                       const workloads::EngineProfile& engine);

}  // namespace rigsim::analysis
