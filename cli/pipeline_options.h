#pragma once

#include <vector>

#include "cli/command.h"
#include "cli/command_options.h"
#include "workloads/pipeline_graph.h"

namespace rigsim::cli {

/// The options that say which schedule runs, over which stages and links.
[[nodiscard]] std::vector<OptionSpec> pipeline_options();

/// The pipeline that the options describe. Each stage's times are spread evenly over its chunks (to
/// the picosecond). With `--link` neighbouring stages are joined by one link in each direction,
/// with chunks also the last and the first. Throws configs::ConfigError.
[[nodiscard]] workloads::PipelinePlan read_pipeline(const ParsedOptions& options);

}  // namespace rigsim::cli
