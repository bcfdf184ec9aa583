#pragma once

#include <string>

#include "analysis/parallel_report.h"
#include "cli/console.h"

namespace rigsim::cli {

/// Why each device of a split idled, and how far its communication was hidden, for people.
[[nodiscard]] std::string parallel_text(const analysis::ParallelReport& report,
                                        const Console& console);

}  // namespace rigsim::cli
