#pragma once

#include "analysis/serving_metrics.h"
#include "workloads/engine_profile.h"
#include "workloads/serving/pass_step_cost.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::analysis {

/// How far off the rates of the devices that serve may be.
struct ServingBand {
  workloads::Evidence evidence = workloads::Evidence::kDatasheet;
  double decode = 0;  ///< half-width in steps that only decode, relative
  double prompt = 0;  ///< in steps that work on prompts, too

  /// A rate off by h either way takes t / (1 - h) to t / (1 + h), as in evaluate(); it is at least
  /// a tenth of what is predicted.
  [[nodiscard]] workloads::Slowness slower() const;
  [[nodiscard]] workloads::Slowness faster() const;
};

/// By what prices a decode step of the run's mean batch at its mean context.
[[nodiscard]] ServingBand serving_band(const workloads::ServingSetup& setup,
                                       const ServingMetrics& metrics);

}  // namespace rigsim::analysis
