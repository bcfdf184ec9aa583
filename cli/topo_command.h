#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim topo RIG`: how a machine is wired and what each link carries; `rigsim topo import`: a
/// rig from what tools print.
[[nodiscard]] Command topo_command();

}  // namespace rigsim::cli
