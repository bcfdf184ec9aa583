#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command_options.h"
#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/scenario.h"

namespace rigsim::cli {

/// The options that say what runs: --model, --weights, --kv-cache, --engine, --prompt,
/// --output-tokens, --batch, --context, --plan, --devices, --placement, --gpu-layers, --split,
/// --catalog.
[[nodiscard]] std::vector<OptionSpec> scenario_options();

/// Whether a command can do without a weights format.
enum class WeightsOption { kNeeded, kOptional };

/// What the options say of everything but the rig.
struct ScenarioOptions {
  configs::Scenario scenario;  ///< without a rig
  configs::EngineFile engine;
  bool weights_said = false;            ///< by --weights or the model's file
  std::vector<std::int64_t> batches{};  ///< of --batch, in the order given; empty: not said
};

/// Reads scenario_options(); what is not said comes from `base`, where there is one, else from the
/// defaults of configs::Scenario (without a base, --model is needed, and --weights unless the
/// model's file says). Throws configs::ConfigError naming the option, configs::UnreadableInput.
[[nodiscard]] ScenarioOptions read_scenario_options(
    const ParsedOptions& options, const configs::Catalog& catalog,
    const configs::Scenario* base = nullptr, WeightsOption weights_option = WeightsOption::kNeeded);

/// The scenario on `rig`, with the plan that the options ask for. --plan tells how to split a model
/// over several devices: a rig of one device runs it whole. --devices and --placement say where
/// the plan's positions stand. Throws configs::ConfigError; of several batches, too: see
/// on_rig_by_batch.
[[nodiscard]] configs::Scenario on_rig(const ParsedOptions& options, const ScenarioOptions& given,
                                       topology::Rig rig);

/// The same for each batch of --batch (of one where there is none).
[[nodiscard]] std::vector<configs::Scenario> on_rig_by_batch(const ParsedOptions& options,
                                                             const ScenarioOptions& given,
                                                             const topology::Rig& rig);

/// The options for each --plan, in the order given; as they are where there is none.
[[nodiscard]] std::vector<ParsedOptions> by_plan(const ParsedOptions& options);

/// The rigs of --rig, in order. Throws configs::ConfigError (two of one name too),
/// configs::UnreadableInput.
[[nodiscard]] std::vector<topology::Rig> read_rigs(const ParsedOptions& options,
                                                   const configs::Catalog& catalog);

}  // namespace rigsim::cli
