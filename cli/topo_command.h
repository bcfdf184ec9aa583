#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim topo`: the wiring of machines. `topo import FILE...` makes a rig of what tools print.
[[nodiscard]] Command topo_command();

}  // namespace rigsim::cli
