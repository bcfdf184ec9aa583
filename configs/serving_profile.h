#pragma once

#include "configs/yaml_reader.h"
#include "workloads/engine_profile.h"
#include "workloads/serving/serving_setup.h"

namespace rigsim::configs {

/// Reads the `serving` part of an engine's facts: `batching` (its name), `max_sequences`,
/// `step_tokens` (default: the profile's batch_tokens, or by memory), `prefix_caching`,
/// `async_scheduling`, `captured_graphs` (vLLM's sizes) or `captured_sizes`, `host_step`,
/// `host_per_sequence`, `front_tokenize` (per prompt token), `front_output` (per output token),
/// `first_step`, `sized_by_memory`. Throws ConfigError.
[[nodiscard]] workloads::ServingProfile read_serving(const ValueReader& value,
                                                     const workloads::EngineProfile& profile);

}  // namespace rigsim::configs
