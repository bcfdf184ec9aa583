#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim whatif`: the same run with one thing changed, and what each resource is worth.
[[nodiscard]] Command whatif_command();

}  // namespace rigsim::cli
