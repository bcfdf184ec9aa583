#pragma once

#include <vector>

#include "analysis/serving_metrics.h"
#include "cli/command_options.h"
#include "configs/engine_file.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::cli {

/// How an engine serves: --batching, --max-num-seqs, --max-num-batched-tokens, --prefix-caching,
/// --async-scheduling, --kv-blocks, --routing, --exact-steps, --slo.
[[nodiscard]] std::vector<OptionSpec> serving_options();

/// The engine's profile with what the options change. Throws configs::ConfigError naming the
/// option, and where the engine is not known as a server.
[[nodiscard]] workloads::ServingProfile read_serving_profile(const ParsedOptions& options,
                                                             const configs::EngineFile& engine);

/// What else they say of `setup`.
void apply_serving_options(const ParsedOptions& options, workloads::ServingSetup& setup);

/// --slo ttft=2s,tpot=50ms,e2e=30s. Throws configs::ConfigError.
[[nodiscard]] analysis::ServiceLevel read_service_level(const ParsedOptions& options);

}  // namespace rigsim::cli
