#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim run`: one scenario, from a file or from options, with its trace.
[[nodiscard]] Command run_command();

}  // namespace rigsim::cli
