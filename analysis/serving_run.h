#pragma once

#include <cstdint>
#include <vector>

#include "analysis/serving_metrics.h"
#include "workloads/engine_profile.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/traffic.h"

namespace rigsim::analysis {

/// A replayed traffic with its error band.
struct ServingRun {
  ServingMetrics metrics;
  /// The same traffic on devices whose rates are lower, and higher, by the bands of the cost model:
  /// what queues then, too.
  ServingMetrics slow;
  ServingMetrics fast;
  double half_width = 0;         ///< of the devices' rates in steps that only decode, relative
  double prompt_half_width = 0;  ///< in steps that work on prompts, too
  workloads::Evidence evidence = workloads::Evidence::kDatasheet;  ///< of a step of the mean batch
  std::vector<workloads::RequestRecord> records;                   ///< [requests]
};

/// Replays `traffic` on `setup` and again on slower and faster devices; `observer` (or null) sees
/// the first run. Throws as workloads::serve.
[[nodiscard]] ServingRun run_serving(const workloads::Traffic& traffic,
                                     const workloads::ServingSetup& setup,
                                     const ServiceLevel& level,
                                     workloads::ServingObserver* observer = nullptr);

}  // namespace rigsim::analysis
