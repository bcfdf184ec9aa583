#pragma once

#include <vector>

#include "cli/command.h"
#include "cli/command_options.h"
#include "cli/console.h"
#include "cli/scenario_options.h"

namespace rigsim::cli {

/// `rigsim compare` with several batches: each rig at each of them. The document has a comparison
/// for each in `by_batch`; the table shows decode rate and link share by batch. In --output the
/// rigs are called "2x4090 batch 4". Exit code 4 where no rig fits at any batch. Throws as
/// evaluate_each.
[[nodiscard]] Answer compare_batches(const ParsedOptions& options, const ScenarioOptions& given,
                                     const std::vector<topology::Rig>& rigs,
                                     const Console& console);

}  // namespace rigsim::cli
