#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim traffic`: what a request trace looks like, or one that is made up.
[[nodiscard]] Command traffic_command();

}  // namespace rigsim::cli
