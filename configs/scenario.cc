#include "configs/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "configs/catalog.h"
#include "configs/engine_file.h"
#include "configs/model_yaml.h"
#include "configs/plan_text.h"
#include "configs/rig_yaml.h"

namespace rigsim::configs {
namespace {

constexpr std::int64_t kMostTokens = 100'000'000;
constexpr std::int64_t kMostSequences = 1'000'000;

/// A path in a scenario counts from the scenario's folder.
std::string located(const std::string& name, const ValueReader& value, bool known) {
  if (known || !is_file_name(name)) return name;
  const std::filesystem::path path(name);
  if (path.is_absolute()) return name;
  const std::filesystem::path found =
      std::filesystem::path(std::string(value.file())).parent_path() / path;
  return is_file_name(found.string()) ? found.string() : "./" + found.string();
}

topology::Rig read_rig_value(const ValueReader& value, const Catalog& catalog) {
  if (!value.is_map()) {
    const std::string name = located(value.as<std::string>(), value, false);
    return value.checked([&] { return catalog.rig(name); });
  }
  ObjectReader map = value.object();
  topology::Rig rig = read_rig(map, catalog);
  map.finish();
  return rig;
}

ModelFile read_model_value(const ValueReader& value, const Catalog& catalog) {
  if (!value.is_map()) {
    const auto name = value.as<std::string>();
    const std::string place = located(name, value, catalog.find_model(name) != nullptr);
    return value.checked([&] { return catalog.model_file(place); });
  }
  ObjectReader map = value.object();
  ModelFile file;
  file.model = read_model(map);
  map.finish();
  return file;
}

workloads::WeightsFormat read_weights(ObjectReader& map, const ModelFile& file,
                                      const Catalog& catalog) {
  const auto value = map.optional_value("weights");
  if (value) {
    return value->checked([&] { return catalog.weights_format(value->as<std::string>()); });
  }
  if (file.weights_format) return catalog.weights_format(*file.weights_format);
  return catalog.weights_format(map.required<std::string>("weights"));
}

/// The name of an engine that ships, as its profile spells it, or the path of a user's.
std::string read_engine_name(const ValueReader& value) {
  const std::string name = located(value.as<std::string>(), value, false);
  const std::vector<std::string> shipped = engine_names();
  if (std::ranges::find(shipped, name) != shipped.end()) return name;
  const EngineFile engine = value.checked([&] { return engine_named(name); });
  return is_file_name(name) ? name : engine.profile.name;
}

void check_range(std::string_view key, std::int64_t value, std::int64_t least, std::int64_t most) {
  if (value >= least && value <= most) return;
  throw std::invalid_argument(
      fmt::format("{} must be from {} to {}, got {}", key, least, most, value));
}

std::int64_t read_tokens(ObjectReader& map, std::string_view key, std::int64_t otherwise,
                         std::int64_t least, std::int64_t most) {
  const auto value = map.optional_value(key);
  if (!value) return otherwise;
  const auto number = value->as<std::int64_t>();
  if (number < least || number > most) {
    value->fail(fmt::format("must be from {} to {}, got {}", least, most, number));
  }
  return number;
}

}  // namespace

void validate(const Scenario& scenario) {
  check_range("prompt_tokens", scenario.prompt_tokens, 0, kMostTokens);
  check_range("output_tokens", scenario.output_tokens, 0, kMostTokens);
  check_range("batch", scenario.batch, 1, kMostSequences);
  const std::int64_t tokens = scenario.prompt_tokens + scenario.output_tokens;
  if (tokens == 0) throw std::invalid_argument("prompt_tokens and output_tokens are both 0");
  if (scenario.context && (*scenario.context < tokens || *scenario.context > 2 * kMostTokens)) {
    throw std::invalid_argument(fmt::format(
        "context must be at least prompt_tokens + output_tokens = {} and at most {}, got {}",
        tokens, 2 * kMostTokens, *scenario.context));
  }
  if (!scenario.plan) return;
  const auto devices = static_cast<int>(scenario.rig.devices.size());
  workloads::validate(*scenario.plan, scenario.model, devices);
}

Scenario read_scenario_unchecked(const YamlDocument& document, const Catalog& catalog) {
  ObjectReader map = ValueReader(document).object();
  Scenario scenario;
  scenario.rig = read_rig_value(map.value("rig"), catalog);
  ModelFile file = read_model_value(map.value("model"), catalog);
  scenario.weights = read_weights(map, file, catalog);
  scenario.model = std::move(file.model);
  if (const auto kv = map.optional_value("kv_cache")) {
    scenario.kv_cache = kv->checked([&] { return catalog.kv_format(kv->as<std::string>()); });
  }
  if (const auto engine = map.optional_value("engine")) scenario.engine = read_engine_name(*engine);
  scenario.prompt_tokens =
      read_tokens(map, "prompt_tokens", scenario.prompt_tokens, 0, kMostTokens);
  scenario.output_tokens =
      read_tokens(map, "output_tokens", scenario.output_tokens, 0, kMostTokens);
  scenario.batch = read_tokens(map, "batch", scenario.batch, 1, kMostSequences);
  if (map.optional_value("context")) {
    scenario.context = read_tokens(map, "context", 0, 1, 2 * kMostTokens);
  }
  if (const auto plan = map.optional_value("plan")) scenario.plan = read_plan(*plan);
  TrafficSettings& settings = scenario.traffic.settings;
  if (const auto seed = map.optional<std::int64_t>("seed"))
    scenario.seed = settings.seed = static_cast<std::uint64_t>(*seed);
  if (map.has("prompt_tokens")) settings.prompt_tokens = scenario.prompt_tokens;
  if (map.has("output_tokens")) settings.output_tokens = scenario.output_tokens;
  if (const auto traffic = map.optional_value("traffic"))
    read_scenario_traffic(*traffic, scenario.traffic);
  if (const auto serving = map.optional_value("serving"))
    scenario.serving = read_serving_choice(*serving);
  map.finish();
  return scenario;
}

Scenario read_scenario(const YamlDocument& document, const Catalog& catalog) {
  Scenario scenario = read_scenario_unchecked(document, catalog);
  ObjectReader map = ValueReader(document).object();
  map.optional_value("plan").value_or(map.whole()).checked([&] { validate(scenario); });
  return scenario;
}

Scenario read_scenario_file(const std::filesystem::path& path, const Catalog& catalog) {
  return read_scenario(read_yaml(path), catalog);
}

std::string to_yaml(const Scenario& scenario) {
  YamlWriter out;
  out.begin_map("rig");
  write_rig(out, scenario.rig);
  out.end();
  out.begin_map("model");
  write_model(out, scenario.model);
  out.end();
  out.value("weights", scenario.weights.name);
  out.value("kv_cache", workloads::info(scenario.kv_cache).name);
  out.value("engine", scenario.engine);
  out.value("prompt_tokens", scenario.prompt_tokens);
  out.value("output_tokens", scenario.output_tokens);
  out.value("batch", scenario.batch);
  if (scenario.context) out.value("context", *scenario.context);
  if (scenario.plan) out.value("plan", to_text(*scenario.plan));
  out.value("seed", static_cast<std::int64_t>(scenario.seed));
  write_scenario_traffic(out, scenario.traffic);
  write_serving_choice(out, scenario.serving);
  return out.text();
}

}  // namespace rigsim::configs
