#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim sweep`: a scenario run at all points of axes through it.
[[nodiscard]] Command sweep_command();

}  // namespace rigsim::cli
