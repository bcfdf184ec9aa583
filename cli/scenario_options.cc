#include "cli/scenario_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "analysis/comparison.h"
#include "configs/plan_text.h"

namespace rigsim::cli {
namespace {

using configs::ConfigError;
using configs::Scenario;

constexpr std::int64_t kMostTokens = 100'000'000;
constexpr std::int64_t kMostSequences = 1'000'000;

[[noreturn]] void fail(const std::string& option, const std::string& message) {
  throw ConfigError({{}, 0, 0, fmt::format("--{}", option)}, message);
}

/// The weights asked for, else those of the model's file, else the base's, if any.
std::optional<workloads::WeightsFormat> weights(const ParsedOptions& options,
                                                const configs::Catalog& catalog,
                                                const std::optional<std::string>& of_file,
                                                const Scenario* base) {
  if (const auto name = options.text("weights")) {
    return options.checked("weights", [&] { return std::optional(catalog.weights_format(*name)); });
  }
  if (of_file) return catalog.weights_format(*of_file);
  return base != nullptr ? std::optional(base->weights) : std::nullopt;
}

void read_model(const ParsedOptions& options, const configs::Catalog& catalog, const Scenario* base,
                WeightsOption weights_option, ScenarioOptions& given) {
  std::optional<std::string> format_of_file;
  if (base == nullptr || options.has("model")) {
    const std::string name = options.needed("model");
    configs::ModelFile file = options.checked("model", [&] { return catalog.model_file(name); });
    given.scenario.model = std::move(file.model);
    format_of_file = file.weights_format;
  }
  const auto said = weights(options, catalog, format_of_file, base);
  if (!said && weights_option == WeightsOption::kNeeded) {
    fail("weights", "is needed, such as q4_k_m or f16; \"rigsim catalog weights\" lists all");
  }
  if (said) given.scenario.weights = *said;
  given.weights_said = said.has_value();
}

void read_work(const ParsedOptions& options, const configs::Catalog& catalog, Scenario& scenario) {
  if (const auto name = options.text("kv-cache")) {
    scenario.kv_cache = options.checked("kv-cache", [&] { return catalog.kv_format(*name); });
  }
  const auto count = [&](std::string_view name, std::int64_t least, std::int64_t most,
                         std::int64_t otherwise) {
    return options.count(name, least, most).value_or(otherwise);
  };
  scenario.prompt_tokens = count("prompt", 0, kMostTokens, scenario.prompt_tokens);
  scenario.output_tokens = count("output-tokens", 0, kMostTokens, scenario.output_tokens);
  if (const auto context = options.count("context", 1, kMostTokens)) scenario.context = context;
  if (scenario.prompt_tokens + scenario.output_tokens == 0) {
    fail("output-tokens", "prompt and output cannot both be 0");
  }
}

workloads::SplitMode split_of(const std::string& name) {
  using workloads::SplitMode;
  for (const SplitMode mode : {SplitMode::kLayer, SplitMode::kRow, SplitMode::kTensor}) {
    if (name == to_string(mode)) return mode;
  }
  fail("split",
       fmt::format("unknown mode {}; allowed: layer, row, tensor", configs::in_quotes(name)));
}

Scenario on(Scenario scenario, const topology::Rig& rig) {
  scenario.rig = rig;
  return scenario;
}

/// "8" or "1,2,4,8": whole numbers, each once.
std::vector<std::int64_t> batches(const std::string& text) {
  std::vector<std::int64_t> result;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::int64_t value = configs::parse_count(std::string_view(text).substr(at, end - at));
    if (value < 1 || value > kMostSequences) {
      throw std::invalid_argument(fmt::format("must be 1 to {}, got {}", kMostSequences,
                                              configs::in_quotes(text.substr(at, end - at))));
    }
    if (std::find(result.begin(), result.end(), value) != result.end())
      throw std::invalid_argument(fmt::format("{} is given twice", value));
    result.push_back(value);
    at = end + 1;
  }
  return result;
}

/// "0,2,1,3": the rig's device of each position of the plan.
std::vector<std::uint32_t> devices(const std::string& text) {
  std::string in_plan = text;
  std::replace(in_plan.begin(), in_plan.end(), ',', '/');
  return configs::parse_plan("devices=" + in_plan).devices;
}

/// What --devices and --placement make of where `scenario`'s plan stands.
void place(const ParsedOptions& options, const ScenarioOptions& given, Scenario& scenario) {
  const std::string how = options.text("placement").value_or("order");
  if (how != "order" && how != "search")
    fail("placement", fmt::format("must be order or search, got {}", configs::in_quotes(how)));
  const auto named = options.text("devices");
  if (how == "search" && named) fail("placement", "give either --devices or --placement search");
  const bool alone = scenario.rig.devices.size() == 1;
  if (alone || (!named && how == "order")) return;
  auto plan =
      scenario.plan ? *scenario.plan : analysis::default_plan(scenario, given.engine.profile);
  if (named) {
    plan.devices = options.checked("devices", [&] { return devices(*named); });
    options.checked("devices", [&] {
      workloads::validate(plan, scenario.model, static_cast<int>(scenario.rig.devices.size()));
      return true;
    });
  } else {
    plan.devices.clear();
    scenario.plan = plan;
    plan = options.checked(
        "plan", [&] { return analysis::best_placement(scenario, given.engine.profile); });
  }
  scenario.plan = std::move(plan);
}

/// What --plan, --split and --gpu-layers make of the plan `scenario` has so far.
std::optional<workloads::ParallelPlan> plan(const ParsedOptions& options,
                                            const ScenarioOptions& given,
                                            const topology::Rig& rig) {
  const auto devices = static_cast<int>(rig.devices.size());
  std::optional<workloads::ParallelPlan> plan = given.scenario.plan;
  if (const auto mode = options.text("split"))
    plan = workloads::split_plan(split_of(*mode), devices);
  if (const auto text = options.text("plan")) {
    plan = options.checked("plan", [&] { return configs::parse_plan(*text); });
    // Where several rigs are compared the plan is for those that have the devices.
    if (devices == 1 && options.texts("rig").size() > 1) {
      const std::optional<int> gpu_layers = plan->gpu_layers;
      plan = workloads::ParallelPlan{};
      plan->gpu_layers = gpu_layers;
    }
  }
  if (const auto layers = options.count("gpu-layers", 0, 1'000'000)) {
    if (!plan) plan = analysis::default_plan(on(given.scenario, rig), given.engine.profile);
    plan->gpu_layers = static_cast<int>(*layers);
  }
  return plan;
}

}  // namespace

std::vector<OptionSpec> scenario_options() {
  return {
      {"model", "MODEL",
       "name, Hugging Face id, or file (config.json, .gguf, .safetensors, .yaml)"},
      {"weights", "FORMAT", "how the weights are stored: q4_k_m, f16, awq, ..."},
      {"kv-cache", "FORMAT", "how the KV cache is stored (default f16)"},
      {"engine", "ENGINE", "software that runs it: llama.cpp (default), vllm, ..."},
      {"prompt", "N", "prompt tokens of each sequence (default 512)"},
      {"output-tokens", "N", "tokens that each sequence generates (default 128)"},
      {"batch", "N", "equal sequences at once (default 1); compare takes a list: 1,2,4,8"},
      {"context", "N", "KV cache to reserve for each sequence (default prompt and output)"},
      {"plan", "PLAN", "split over the devices: tp=2, pp=2, layers=30/50 (default: the engine's)"},
      {"devices", "LIST", "the rig's device of each position of the plan: 0,2,1,3"},
      {"placement", "HOW",
       "order: devices as they stand (default); search: the least exposed "
       "communication"},
      {"gpu-layers", "N", "layers on devices, the first others on the host (default all)"},
      {"split", "MODE",
       "layer: whole layers, one stage on each device; row or tensor: every layer on all"},
      {"catalog", "DIR", "also read the YAML files of this directory"},
  };
}

ScenarioOptions read_scenario_options(const ParsedOptions& options, const configs::Catalog& catalog,
                                      const Scenario* base, WeightsOption weights_option) {
  ScenarioOptions given{base != nullptr ? *base : Scenario{}, {}, false};
  if (const auto mode = options.text("split")) (void)split_of(*mode);
  if (options.has("split") && options.has("plan")) {
    fail("split", "give either --split or --plan");
  }
  read_model(options, catalog, base, weights_option, given);
  read_work(options, catalog, given.scenario);
  if (const auto text = options.text("batch")) {
    given.batches = options.checked("batch", [&] { return batches(*text); });
    given.scenario.batch = given.batches.front();
  }
  given.scenario.engine = options.text("engine").value_or(given.scenario.engine);
  given.engine =
      options.checked("engine", [&] { return configs::engine_named(given.scenario.engine); });
  if (options.has("kv-cache")) {
    options.checked("kv-cache", [&] {
      analysis::check_kv_cache(given.scenario.kv_cache, given.engine.profile);
    });
  }
  return given;
}

Scenario on_rig(const ParsedOptions& options, const ScenarioOptions& given, topology::Rig rig) {
  Scenario scenario = given.scenario;
  if (given.batches.size() > 1) fail("batch", "takes one number here");
  if (!given.batches.empty()) scenario.batch = given.batches.front();
  scenario.plan = plan(options, given, rig);
  scenario.rig = std::move(rig);
  place(options, given, scenario);
  return scenario;
}

std::vector<Scenario> on_rig_by_batch(const ParsedOptions& options, const ScenarioOptions& given,
                                      const topology::Rig& rig) {
  std::vector<Scenario> scenarios;
  ScenarioOptions each = given;
  for (const std::int64_t batch : given.batches) {
    each.batches = {batch};
    each.scenario.batch = batch;
    scenarios.push_back(on_rig(options, each, rig));
  }
  if (scenarios.empty()) scenarios.push_back(on_rig(options, given, rig));
  return scenarios;
}

std::vector<ParsedOptions> by_plan(const ParsedOptions& options) {
  std::vector<ParsedOptions> all;
  for (const std::string& plan : options.texts("plan")) all.push_back(options.with("plan", plan));
  return all.empty() ? std::vector{options} : all;
}

std::vector<topology::Rig> read_rigs(const ParsedOptions& options,
                                     const configs::Catalog& catalog) {
  (void)options.needed("rig");
  std::vector<topology::Rig> rigs;
  for (const std::string& name : options.texts("rig")) {
    rigs.push_back(options.checked("rig", [&] { return catalog.rig(name); }));
    const auto same = [&](const topology::Rig& rig) { return rig.name == rigs.back().name; };
    if (std::count_if(rigs.begin(), rigs.end(), same) > 1) {
      fail("rig", fmt::format("two rigs are named {}", configs::in_quotes(rigs.back().name)));
    }
  }
  return rigs;
}

}  // namespace rigsim::cli
