#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "analysis/sweep_run.h"
#include "cli/console.h"
#include "configs/sweep_file.h"

namespace rigsim::cli {

/// The points of a small sweep as a table: axes, the main figures, and why there are none.
[[nodiscard]] std::string sweep_text(const configs::SweepPlan& plan,
                                     std::span<const analysis::SweepPoint> points,
                                     const Console& console);

/// "12 points: 10 done, 2 do not fit; 4 of them were there."
[[nodiscard]] std::string summary_text(const analysis::SweepSummary& summary);

/// A point with `id`, `status`, `reason`, its `axes` and all metrics by name; null: none.
[[nodiscard]] nlohmann::ordered_json point_json(const configs::SweepPlan& plan,
                                                const analysis::SweepPoint& point);

}  // namespace rigsim::cli
