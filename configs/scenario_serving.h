#pragma once

#include <string>

#include "configs/config_error.h"
#include "configs/traffic_text.h"
#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "workloads/serving/serving_choice.h"

namespace rigsim::configs {

/// The traffic of a scenario.
struct ScenarioTraffic {
  std::string text{};  ///< as --traffic takes it; empty: not said
  TrafficSettings settings{};
  bool truncate = false;  ///< requests that a replica cannot hold are shortened
  Place place{};          ///< where it was said, for messages
};

/// Reads `traffic`: the text, or a map with `source` (the text), `requests`, `rate_scale`,
/// `prompt_scale`, `output_scale`, `from`, `to`, `skip_bad`, `sort`, `spread`, `bytes_per_token`,
/// `truncate`. Files count from the scenario's folder. `into` has what is said elsewhere: seed and
/// lengths. Throws ConfigError with the place.
void read_scenario_traffic(const ValueReader& value, ScenarioTraffic& into);
/// Nothing where no traffic is said.
void write_scenario_traffic(YamlWriter& out, const ScenarioTraffic& traffic);

/// Reads `serving`: `batching`, `max_num_seqs`, `max_num_batched_tokens`, `prefix_caching`,
/// `sampling`, `async_scheduling`, `kv_blocks`, `prefill_replicas`, `routing`, `speculative`,
/// `cold_start`, and
/// `slo` with `ttft`, `tpot`, `e2e`. Throws ConfigError with the place.
[[nodiscard]] workloads::ServingChoice read_serving_choice(const ValueReader& value);
/// Nothing where nothing is said.
void write_serving_choice(YamlWriter& out, const workloads::ServingChoice& choice);

}  // namespace rigsim::configs
