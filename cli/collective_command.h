#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim collective`: what a collective costs on a rig, as nccl-tests prints it.
[[nodiscard]] Command collective_command();

}  // namespace rigsim::cli
