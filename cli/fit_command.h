#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim fit`: what fits where, and what would make it fit.
[[nodiscard]] Command fit_command();

}  // namespace rigsim::cli
