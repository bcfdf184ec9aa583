#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "configs/scenario_serving.h"
#include "configs/yaml_document.h"
#include "topology/rig.h"
#include "workloads/kv_cache.h"
#include "workloads/model.h"
#include "workloads/parallel_plan.h"
#include "workloads/weights_format.h"

namespace rigsim::configs {

class Catalog;

/// One run, every name replaced by what it stands for.
struct Scenario {
  topology::Rig rig;
  workloads::Model model;
  workloads::WeightsFormat weights;
  workloads::KvFormat kv_cache = workloads::KvFormat::kF16;
  std::string engine = "llama.cpp";  ///< name of an engine profile
  std::int64_t prompt_tokens = 512;
  std::int64_t output_tokens = 128;
  std::int64_t batch = 1;
  std::optional<std::int64_t> context{};          ///< tokens to reserve; none: prompt + output
  std::optional<workloads::ParallelPlan> plan{};  ///< none: the engine's own choice
  std::uint64_t seed = 0;
  ScenarioTraffic traffic{};           ///< what is served
  workloads::ServingChoice serving{};  ///< and how
};

/// Reads a scenario: `rig` and `model` (a name, a path from the scenario's folder, or a
/// definition), `weights` (may be left out where the model's file says), `kv_cache`, `engine`,
/// `prompt_tokens`, `output_tokens`, `batch`, `context`, `plan`, `seed`, and for serving `traffic`
/// and `serving` (scenario_serving.h). Throws ConfigError with the place, UnreadableInput.
[[nodiscard]] Scenario read_scenario(const YamlDocument& document, const Catalog& catalog);
/// The same without the checks of validate(), of numbers that do not go together.
[[nodiscard]] Scenario read_scenario_unchecked(const YamlDocument& document,
                                               const Catalog& catalog);
[[nodiscard]] Scenario read_scenario_file(const std::filesystem::path& path,
                                          const Catalog& catalog);

/// Throws std::invalid_argument, naming the number and what is allowed, unless the scenario can be
/// run: lengths and batch within limits, at least one token, a context that holds prompt and
/// output, a plan that suits model and rig.
void validate(const Scenario& scenario);

/// The whole scenario with rig and model written out, so that it reads back the same wherever and
/// whenever; the same scenario gives the same bytes.
[[nodiscard]] std::string to_yaml(const Scenario& scenario);

}  // namespace rigsim::configs
