#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim capacity`.
[[nodiscard]] Command capacity_command();

}  // namespace rigsim::cli
