#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim replay`: a user's own op graph on a rig.
[[nodiscard]] Command replay_command();

}  // namespace rigsim::cli
