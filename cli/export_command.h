#pragma once

#include "cli/command.h"

namespace rigsim::cli {

/// `rigsim export`: the op graph of a step as JSON, Graphviz or Chakra traces.
[[nodiscard]] Command export_command();

}  // namespace rigsim::cli
