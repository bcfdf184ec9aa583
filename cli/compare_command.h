#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim compare`: rigs side by side on the same work.
[[nodiscard]] Command compare_command();

}  // namespace rigsim::cli
