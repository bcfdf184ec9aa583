#pragma once

#include <optional>
#include <span>
#include <string>

#include "analysis/json_capacity.h"
#include "cli/console.h"

namespace rigsim::cli {

/// Rigs and plans side by side; with `load` (requests a second), which is the cheapest that serves
/// it.
[[nodiscard]] std::string capacity_text(std::span<const analysis::CapacityRow> rows,
                                        const analysis::CapacityTarget& target,
                                        std::optional<double> load, const std::string& what,
                                        const Console& console);

}  // namespace rigsim::cli
