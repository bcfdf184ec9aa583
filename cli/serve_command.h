#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim serve`: a request trace, or made-up traffic, through the batching of an engine.
[[nodiscard]] Command serve_command();

}  // namespace rigsim::cli
