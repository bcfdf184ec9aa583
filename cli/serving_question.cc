#include "cli/serving_question.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "analysis/comparison.h"
#include "cli/scenario_options.h"
#include "cli/serve_options.h"
#include "cli/speculative_option.h"
#include "cli/trace_report_text.h"
#include "configs/config_error.h"
#include "workloads/serving/host_tier_rules.h"
#include "workloads/serving/kv_links.h"

namespace rigsim::cli {
namespace {

using configs::Scenario;
using workloads::ServingSetup;

std::optional<Scenario> scenario_file(const ParsedOptions& options,
                                      const configs::Catalog& catalog) {
  if (options.arguments().empty()) return std::nullopt;
  return configs::read_scenario_file(options.arguments().front(), catalog);
}

/// What the options make of the file's scenario, if any, on `rig`.
Scenario scenario_of(const ParsedOptions& options, const configs::Catalog& catalog,
                     const std::optional<Scenario>& file, topology::Rig rig,
                     ScenarioOptions& given) {
  given = read_scenario_options(options, catalog, file ? &*file : nullptr);
  Scenario scenario = on_rig(options, given, std::move(rig));
  scenario.traffic = read_traffic_choice(options, scenario.traffic);
  scenario.serving = read_serving_choice(options, scenario.serving);
  // What the header of a result says reads back as the same run.
  scenario.seed = scenario.traffic.settings.seed;
  scenario.prompt_tokens = scenario.traffic.settings.prompt_tokens;
  scenario.output_tokens = scenario.traffic.settings.output_tokens;
  return scenario;
}

/// Throws configs::ConfigError at the option that the engine cannot do: it has no software for a
/// device of the rig, does not read the weights, or has fewer slots.
void check_engine(const ParsedOptions& options, const Scenario& scenario,
                  const workloads::EngineProfile& engine,
                  const workloads::ServingProfile& profile) {
  options.checked("engine", [&] {
    for (const auto& installed : scenario.rig.devices)
      (void)engine.backend(workloads::backend_of(installed.device));
    analysis::check_devices(scenario.rig, engine);
  });
  options.checked("weights", [&] { analysis::check_weights(scenario.weights, engine); });
  options.checked("max-num-seqs", [&] { workloads::check_slots(profile, engine.memory); });
}

/// The same of what the choice asks for beside the plan.
void check_choice(const ParsedOptions& options, const workloads::ServingChoice& choice,
                  const workloads::ServingProfile& profile, const workloads::ParallelPlan& plan) {
  const auto prefill = choice.prefill_replicas;
  if (prefill) {
    options.checked("prefill-replicas",
                    [&] { workloads::check_prefill_replicas(plan, *prefill, profile.batching); });
  }
  if (choice.host_kv) {
    options.checked("host-kv", [&] {
      workloads::require_host_tier({profile.batching, profile.limits.prefix_caching, plan.pp > 1,
                                    prefill.has_value(), choice.speculative.has_value()});
    });
  }
}

ServingQuestion question_of(const ParsedOptions& options, const configs::Catalog& catalog,
                            const std::optional<Scenario>& file, topology::Rig rig) {
  ScenarioOptions given;
  Scenario scenario = scenario_of(options, catalog, file, std::move(rig), given);
  workloads::ServingProfile profile = analysis::serving_profile(given.engine, scenario.serving);
  check_engine(options, scenario, given.engine.profile, profile);
  const workloads::DeploymentRequest request =
      analysis::serving_request(scenario, given.engine.profile);
  check_choice(options, scenario.serving, profile, request.plan);
  profile.speculating = read_speculating(options, catalog, scenario.serving, request, profile);
  ServingSetup setup = options.checked("plan", [&] {
    try {
      return workloads::serving_setup(
          request, profile,
          static_cast<std::int32_t>(scenario.serving.prefill_replicas.value_or(0)));
    } catch (const workloads::HostMemoryRefused& refused) {
      throw configs::ConfigError({{}, 0, 0, scenario.serving.host_kv ? "--host-kv" : "--batching"},
                                 refused.what());
    }
  });
  if (setup.kv_blocks >= 2) workloads::apply(scenario.serving, setup);
  return {std::move(scenario), std::move(setup)};
}

double gigabytes(sim::Bytes bytes) { return static_cast<double>(bytes.count()) / 1e9; }

/// What llama.cpp's slots add to what has to fit.
std::string slots_of(const ServingSetup& setup) {
  if (!std::holds_alternative<workloads::LlamaCppBatching>(setup.config.batching)) return {};
  return fmt::format(" {} slots of {} tokens each (--max-num-seqs, --context) need {:.1f} GB.",
                     setup.config.limits.max_sequences, setup.config.max_context,
                     gigabytes(setup.memory.devices.front().items.kv_cache));
}

}  // namespace

std::string ServingQuestion::title() const {
  std::string plan;
  if (setup.deployment.plan.tp > 1) plan += fmt::format(", tp={}", setup.deployment.plan.tp);
  if (setup.deployment.plan.pp > 1) plan += fmt::format(", pp={}", setup.deployment.plan.pp);
  if (setup.deployment.plan.ep > 1) plan += fmt::format(", ep={}", setup.deployment.plan.ep);
  if (setup.config.replicas > 1) plan += fmt::format(", dp={}", setup.config.replicas);
  const workloads::EngineProfile& engine = setup.deployment.engine;
  return fmt::format("{} on {}, {}{}; kernels of {} {}", scenario.model.name, scenario.rig.name,
                     scenario.weights.name, plan, engine.name, engine.version);
}

std::string ServingQuestion::does_not_fit() const {
  const auto left = [](const workloads::DeviceMemory& each) {
    return each.capacity - each.items.total();
  };
  const workloads::DeviceMemory& device = *std::ranges::min_element(setup.memory.devices, {}, left);
  const std::string slots = slots_of(setup);
  const bool fit_knows = !setup.draft && slots.empty();  // it counts neither
  return fmt::format(
      "{} in {} does not fit {}: weights {:.1f}{}, activations {:.1f} and runtime {:.1f} GB "
      "leave no {} of the {:.1f} GB that the engine takes of {}.{}{}\n",
      setup.draft ? scenario.model.name + " beside " + setup.draft->model.name
                  : scenario.model.name,
      scenario.weights.name, scenario.rig.name, gigabytes(device.items.weights),
      setup.draft ? fmt::format(" ({:.1f} of them the draft's)", gigabytes(setup.draft_weights))
                  : std::string(),
      gigabytes(device.items.activations), gigabytes(device.items.runtime),
      slots.empty() ? "KV block" : "room for slots", gigabytes(device.capacity),
      workloads::device_count(setup.deployment.plan) > 1 ? "each device" : "the device", slots,
      fit_knows ? " rigsim fit says what would fit." : "");
}

ServingQuestion read_serving_question(const ParsedOptions& options,
                                      const configs::Catalog& catalog) {
  const auto file = scenario_file(options, catalog);
  topology::Rig rig = options.has("rig") || !file ? read_rigs(options, catalog).front() : file->rig;
  return question_of(options, catalog, file, std::move(rig));
}

ServingQuestion read_serving_question(const ParsedOptions& options, const configs::Catalog& catalog,
                                      topology::Rig rig) {
  return question_of(options, catalog, scenario_file(options, catalog), std::move(rig));
}

std::string changes(const FittedTraffic& traffic) {
  const auto& [loaded, cut] = traffic;
  std::string text = loaded.report ? report_text(*loaded.report) : std::string();
  if (cut.truncated_prompts + cut.truncated_outputs > 0) {
    text += fmt::format("--truncate shortened {} prompts and {} outputs\n", cut.truncated_prompts,
                        cut.truncated_outputs);
  }
  return text;
}

FittedTraffic load_traffic_of(const ServingQuestion& question) {
  return analysis::fitted_traffic(question.scenario.traffic, question.setup);
}

std::vector<workloads::Traffic> drawn(const ServingQuestion& question, std::int64_t replications,
                                      workloads::Traffic first) {
  configs::ScenarioTraffic traffic = question.scenario.traffic;
  std::vector<workloads::Traffic> all;
  all.push_back(std::move(first));
  for (std::int64_t i = 1; i < replications; ++i) {
    ++traffic.settings.seed;
    all.push_back(analysis::fitted_traffic(traffic, question.setup).loaded.traffic);
  }
  return all;
}

}  // namespace rigsim::cli
