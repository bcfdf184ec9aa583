#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim calibrate`: fits the engines again to the measured rows, and writes their fit files.
[[nodiscard]] Command calibrate_command();

}  // namespace rigsim::cli
