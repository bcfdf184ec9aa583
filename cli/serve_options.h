#pragma once

#include <vector>

#include "analysis/serving_run.h"
#include "cli/command_options.h"
#include "configs/engine_file.h"
#include "configs/scenario_serving.h"
#include "workloads/serving/serving_choice.h"

namespace rigsim::cli {

/// How an engine serves: --batching, --max-num-seqs, --max-num-batched-tokens, --prefix-caching,
/// --async-scheduling, --kv-blocks, --routing, --speculative, --exact-steps,
/// --slo.
[[nodiscard]] std::vector<OptionSpec> serving_options();

/// What the options say of how requests are served; where they are silent, `base`. Throws
/// configs::ConfigError naming the option.
[[nodiscard]] workloads::ServingChoice read_serving_choice(const ParsedOptions& options,
                                                           const workloads::ServingChoice& base);

/// --warmup auto, N or TIME. Throws configs::ConfigError.
[[nodiscard]] analysis::WarmUp read_warm_up(const ParsedOptions& options);

/// --replications: how often made-up traffic is drawn. Throws configs::ConfigError for a trace.
[[nodiscard]] std::int64_t read_replications(const ParsedOptions& options,
                                             const configs::ScenarioTraffic& traffic);

/// What is served: --traffic with its options, else the scenario's, lengths and seed included.
/// Throws configs::ConfigError where there is neither.
[[nodiscard]] configs::ScenarioTraffic read_traffic_choice(const ParsedOptions& options,
                                                           const configs::ScenarioTraffic& base);

}  // namespace rigsim::cli
