#pragma once

#include <string>

#include "analysis/serving_run.h"
#include "cli/console.h"
#include "workloads/serving/serving_setup.h"
#include "workloads/traffic.h"

namespace rigsim::cli {

/// A serving run for people: what was asked, the latencies, what the replicas did, and warnings.
/// `traffic` is the first replication's.
[[nodiscard]] std::string serving_text(const analysis::ServingRun& run,
                                       const workloads::ServingSetup& setup,
                                       const workloads::Traffic& traffic, const std::string& title,
                                       const Console& console);

}  // namespace rigsim::cli
