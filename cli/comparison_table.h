#pragma once

#include <string>

#include "analysis/comparison.h"
#include "cli/console.h"

namespace rigsim::cli {

/// A comparison for people: figures by rig with bands, evidence and winners, memory per device,
/// shares of time, and why. At most 100 columns where the rigs' names are short: many rigs stand in
/// several blocks.
[[nodiscard]] std::string comparison_text(const analysis::Comparison& comparison,
                                          const Console& console);

/// `17.3 (16.1-18.5) f`: value, band and evidence of a figure in the unit of `spec`.
[[nodiscard]] std::string figure_text(const analysis::Figure& figure,
                                      const analysis::FigureSpec& spec);

/// What a plan says beyond "one device, all layers": "pp=2", "pp=4 gpu_layers=20".
[[nodiscard]] std::string plan_text(const workloads::ParallelPlan& plan);

}  // namespace rigsim::cli
