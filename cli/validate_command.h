#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim validate`: predicted against measured, row by row.
[[nodiscard]] Command validate_command();

}  // namespace rigsim::cli
