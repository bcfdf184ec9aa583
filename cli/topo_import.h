#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/command_options.h"

namespace rigsim::cli {

/// The options of `rigsim topo import`: --device, --name, --output.
[[nodiscard]] std::vector<OptionSpec> topo_import_options();

/// `rigsim topo import FILE...`: makes a rig of what tools print about a machine and writes it as
/// YAML to --output, or to standard output. Throws configs::UnreadableInput, configs::ConfigError,
/// analysis::OutputError.
[[nodiscard]] Answer topo_import(const ParsedOptions& options, std::span<const std::string> files);

}  // namespace rigsim::cli
