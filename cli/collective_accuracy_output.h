#pragma once

#include "cli/command.h"
#include "cli/command_options.h"

namespace rigsim::cli {

/// `rigsim collective accuracy` and `rigsim collective fit`: the errors of the collective model
/// over the measurements that ship; `fit` with the numbers fitted again, written to --output.
[[nodiscard]] Answer collective_accuracy(const ParsedOptions& options, const Console& console);

}  // namespace rigsim::cli
