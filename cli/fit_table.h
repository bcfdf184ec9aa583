#pragma once

#include <span>
#include <string>

#include "analysis/fit.h"
#include "cli/console.h"

namespace rigsim::cli {

/// One rig: every format on its fullest device, or for a single format every context and device;
/// what would make it fit where nothing does.
[[nodiscard]] std::string fit_text(const analysis::RigFit& fit, const Console& console);

/// The rigs that hold a model.
[[nodiscard]] std::string holding_text(std::span<const analysis::RigThatHolds> rigs,
                                       const Console& console);

}  // namespace rigsim::cli
