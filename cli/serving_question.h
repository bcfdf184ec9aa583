#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/scenario_service.h"
#include "cli/command_options.h"
#include "configs/catalog.h"
#include "configs/scenario.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::cli {

using analysis::FittedTraffic;

/// What is to be served, on what and how.
struct ServingQuestion {
  configs::Scenario scenario;
  workloads::ServingSetup setup;

  [[nodiscard]] bool fits() const { return setup.kv_blocks >= 2; }
  /// "llama-3-8b on 2xa6000, BF16, tp=2; kernels of vllm 0.6 to 0.9 defaults".
  [[nodiscard]] std::string title() const;
  /// Why it does not fit, and what has how many bytes.
  [[nodiscard]] std::string does_not_fit() const;
};

/// Reads it from the scenario file, where one is named, and the options, on the first rig that they
/// name or on `rig`. Throws configs::ConfigError at the option that is wrong, UnreadableInput.
[[nodiscard]] ServingQuestion read_serving_question(const ParsedOptions& options,
                                                    const configs::Catalog& catalog);
[[nodiscard]] ServingQuestion read_serving_question(const ParsedOptions& options,
                                                    const configs::Catalog& catalog,
                                                    topology::Rig rig);

/// Reads or makes the question's traffic, shortened where it asks for that.
[[nodiscard]] FittedTraffic load_traffic_of(const ServingQuestion& question);

/// What of it is not as the user has it; empty: all is.
[[nodiscard]] std::string changes(const FittedTraffic& traffic);

/// `first` and the same traffic drawn anew with the seeds that follow.
[[nodiscard]] std::vector<workloads::Traffic> drawn(const ServingQuestion& question,
                                                    std::int64_t replications,
                                                    workloads::Traffic first);

}  // namespace rigsim::cli
