#include "analysis/json_comparison.h"

#include <nlohmann/json.hpp>

#include "analysis/comparison_why.h"
#include "configs/plan_text.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json share(const workloads::TimeShare& share) {
  return {{"compute", share.compute_s}, {"memory", share.memory_s}, {"link", share.link_s},
          {"launch", share.launch_s},   {"bubble", share.bubble_s}, {"host", share.host_s}};
}

Json or_null(const std::optional<Figure>& figure) { return figure ? figure_json(*figure) : Json(); }

void put_performance(Json& json, const RigResult& rig) {
  const Performance performance = rig.performance.value_or(Performance{});
  for (const FigureSpec& spec : figure_specs()) {
    json[std::string(spec.key)] = or_null(performance.*spec.member);
  }
}

void put_times(Json& json, const RigResult& rig) {
  const auto put = [&](const char* name, const char* path, const std::optional<PhaseTimes>& phase) {
    json[name] = phase ? share(phase->device_share) : Json();
    json[path] = phase ? share(phase->critical_path) : Json();
  };
  const std::optional<PhaseTimes> nothing;
  const bool ran = rig.performance.has_value();
  // Where nothing is decoded, the time share is the prompt's.
  const bool decodes = ran && rig.performance->decode.has_value();
  put("time_share", "critical_path_s",
      !ran      ? nothing
      : decodes ? rig.performance->decode
                : rig.performance->prefill);
  put("prefill_time_share", "prefill_critical_path_s", ran ? rig.performance->prefill : nothing);
}

Json fact(double value, double low, double high) {
  return figure_json(Figure{value, low, high, workloads::Evidence::kDatasheet, {}});
}

struct ChangeJson {
  Json operator()(const workloads::ShorterContext& change) const {
    return {{"change", "shorter_context"}, {"tokens", change.tokens}};
  }
  Json operator()(const workloads::SmallerWeights& change) const {
    return {{"change", "smaller_weights"}, {"weights", change.format.name}};
  }
  Json operator()(const workloads::MoreDevices& change) const {
    return {{"change", "more_devices"}, {"devices", change.devices}};
  }
  Json operator()(const workloads::FewerGpuLayers& change) const {
    return {{"change", "fewer_gpu_layers"}, {"gpu_layers", change.gpu_layers}};
  }
};

/// What all rigs of a comparison are asked.
Json scenario_json(const RigResult& rig) {
  const workloads::DeploymentRequest& request = rig.request;
  return {{"model", request.model.name},
          {"weights", request.weights.name},
          {"kv_cache", info(request.kv_format).name},
          {"engine", request.engine.name},
          {"engine_version", request.engine.version},
          {"prompt_tokens", rig.work.prompt_tokens},
          {"output_tokens", rig.work.output_tokens},
          {"batch", rig.work.batch},
          {"context", request.context}};
}

}  // namespace

Json to_json(const workloads::MemoryItems& items) {
  return {{"weights", items.weights.count()},
          {"kv_cache", items.kv_cache.count()},
          {"activations", items.activations.count()},
          {"runtime", items.runtime.count()},
          {"total", items.total().count()}};
}

Json to_json(const MemoryUse& use) {
  Json json = {{"device", use.device}};
  json.update(to_json(use.items));
  json["capacity"] = use.capacity ? Json(use.capacity->count()) : Json();
  return json;
}

Json to_json(const DatasheetFacts& facts) {
  const double watts = facts.power.count();
  const auto& [power, low, high, launch] = facts;
  return {{"power_w", fact(watts, watts, watts)},
          {"street_price_usd_2025", low && high ? fact((*low + *high) / 2, *low, *high) : Json()},
          {"launch_price_usd", launch ? fact(*launch, *launch, *launch) : Json()}};
}

Json to_json(const workloads::FitChange& change) {
  Json json = std::visit(ChangeJson{}, change);
  json["text"] = described(change);
  return json;
}

Json to_json(const RigResult& rig) {
  Json json = {{"name", rig.name}, {"fits", rig.fits}};
  put_performance(json, rig);
  put_times(json, rig);
  json["memory_bytes"] = Json::array();
  for (const MemoryUse& use : rig.memory) json["memory_bytes"].push_back(to_json(use));
  json.update(to_json(rig.datasheet));
  json["plan"] = configs::to_text(rig.request.plan);
  json["devices"] = Json::array();
  for (const topology::InstalledDevice& installed : rig.request.rig.devices) {
    json["devices"].push_back({{"name", installed.name}, {"device", installed.device.name}});
  }
  if (!rig.fits) json["changes"] = Json::array();
  for (const auto& change : rig.changes) json["changes"].push_back(to_json(change));
  return json;
}

Json to_json(std::span<const Comparison> comparisons, const Provenance& provenance) {
  Json json = {{"version", provenance.version}, {"commit", provenance.commit}};
  json["by_batch"] = Json::array();
  for (const Comparison& comparison : comparisons) {
    Json batch = to_json(comparison, provenance);
    batch.erase("version");
    batch.erase("commit");
    batch["batch"] = comparison.rigs.empty() ? Json() : Json(comparison.rigs.front().work.batch);
    json["by_batch"].push_back(std::move(batch));
  }
  return json;
}

Json to_json(const Comparison& comparison, const Provenance& provenance) {
  Json json = {{"version", provenance.version}, {"commit", provenance.commit}};
  json["scenario"] = comparison.rigs.empty() ? Json() : scenario_json(comparison.rigs.front());
  json["rigs"] = Json::array();
  for (const RigResult& rig : comparison.rigs) json["rigs"].push_back(to_json(rig));
  json["winner"] = Json::object();
  json["clear_winner"] = Json::object();
  for (const Winner& winner : comparison.winners) {
    const std::string figure(winner.figure);
    json["winner"][figure] = winner.rig ? Json(comparison.rigs[*winner.rig].name) : Json();
    json["clear_winner"][figure] = winner.clear;
  }
  json["why"] = comparison.why;
  return json;
}

}  // namespace rigsim::analysis
