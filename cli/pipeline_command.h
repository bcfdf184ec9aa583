#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim pipeline`: how long a pipeline schedule takes, and why its stages idle.
[[nodiscard]] Command pipeline_command();

}  // namespace rigsim::cli
