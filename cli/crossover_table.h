#pragma once

#include <span>
#include <string>

#include "analysis/crossover.h"
#include "cli/console.h"

namespace rigsim::cli {

/// The ridges side by side; of a single row also its batches.
[[nodiscard]] std::string crossover_text(std::span<const analysis::Crossover> rows,
                                         const Console& console);

}  // namespace rigsim::cli
