#pragma once

#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "cli/command_options.h"
#include "cli/console.h"
#include "configs/scenario.h"

namespace rigsim::cli {

/// Runs each scenario and writes --output and --trace. On SIGINT or SIGTERM it stops behind the
/// pass at hand, keeps what is in the files and throws Interrupted. Throws as analysis::evaluate
/// and ResultFiles do.
[[nodiscard]] std::vector<analysis::RigResult> evaluate_each(
    const ParsedOptions& options, const std::vector<configs::Scenario>& scenarios,
    const workloads::EngineProfile& engine, const std::string& title, const Console& console);

/// The same, compared.
[[nodiscard]] analysis::Comparison evaluate_all(const ParsedOptions& options,
                                                const std::vector<configs::Scenario>& scenarios,
                                                const workloads::EngineProfile& engine,
                                                const std::string& title, const Console& console);

/// The document or the tables that `options` ask for (--json), and whether any rig fits.
[[nodiscard]] Answer comparison_answer(const ParsedOptions& options,
                                       const analysis::Comparison& comparison,
                                       const Console& console);

}  // namespace rigsim::cli
