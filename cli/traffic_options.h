#pragma once

#include <vector>

#include "cli/command.h"
#include "cli/command_options.h"
#include "configs/traffic_text.h"

namespace rigsim::cli {

/// How to take traffic: --requests, --seed, --rate-scale, --prompt-scale, --output-scale, --from,
/// --to, --skip-bad, --sort, --spread, --bytes-per-token. They mean the same in every command that
/// takes traffic.
[[nodiscard]] std::vector<OptionSpec> traffic_options();

/// Reads them; what is not said is as in `settings`. Throws configs::ConfigError naming the option.
[[nodiscard]] configs::TrafficSettings read_traffic_settings(
    const ParsedOptions& options, configs::TrafficSettings settings = {});

}  // namespace rigsim::cli
