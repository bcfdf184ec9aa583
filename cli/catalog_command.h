#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim catalog`: what has a name, where it comes from and how sure it is.
[[nodiscard]] Command catalog_command();

}  // namespace rigsim::cli
