#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim crossover`.
[[nodiscard]] Command crossover_command();

}  // namespace rigsim::cli
