#pragma once

#include <span>
#include <string>

#include "cli/command.h"

namespace rigsim::cli {

/// Runs `rigsim WORDS...`: finds the command and gives its answer, or the answer to --help and
/// --version. Prints nothing on standard output. Throws what commands throw: configs::ConfigError
/// (usage too), configs::UnreadableInput, analysis::OutputError, Interrupted.
[[nodiscard]] Answer answer(std::span<const std::string> words, const Console& console);

}  // namespace rigsim::cli
