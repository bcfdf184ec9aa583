#include "cli/catalog_json.h"

#include <array>
#include <nlohmann/json.hpp>

#include "workloads/tensor.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using topology::Device;
using topology::PeakRates;

template <class T>
void put(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

template <class Tag, class Rep>
void put(Json& json, const char* key, const std::optional<sim::Quantity<Tag, Rep>>& value) {
  if (value) json[key] = value->count();
}

Json names_of(const configs::About& about) {
  Json json = {{"name", about.name}, {"title", about.title}};
  if (!about.aliases.empty()) json["aliases"] = about.aliases;
  return json;
}

/// Where it comes from, behind the facts.
Json with_source(Json json, const configs::About& about) {
  for (const auto& [key, value] : about.facts) json["facts"][key] = value;
  json["source"] = about.source;
  json["date"] = about.date;
  json["confidence"] = about.confidence;
  if (!about.notes.empty()) json["notes"] = about.notes;
  json["file"] = about.file;
  return json;
}

std::string_view kind_name(topology::DeviceKind kind) {
  switch (kind) {
    case topology::DeviceKind::kGpu:
      return "gpu";
    case topology::DeviceKind::kAppleSoc:
      return "apple";
    case topology::DeviceKind::kCpu:
      return "cpu";
  }
  return "unknown";
}

std::string_view link_name(topology::PeerLinkKind kind) {
  switch (kind) {
    case topology::PeerLinkKind::kNone:
      return "none";
    case topology::PeerLinkKind::kNvlinkBridge:
      return "nvlink-bridge";
    case topology::PeerLinkKind::kNvlinkSwitch:
      return "nvlink-switch";
    case topology::PeerLinkKind::kXgmi:
      return "xgmi";
    case topology::PeerLinkKind::kNvlinkMesh:
      return "nvlink-mesh";
  }
  return "unknown";
}

std::string_view family_name(workloads::ModelFamily family) {
  using workloads::ModelFamily;
  switch (family) {
    case ModelFamily::kLlama:
      return "llama";
    case ModelFamily::kMoe:
      return "moe";
    case ModelFamily::kDeepseek:
      return "deepseek";
    case ModelFamily::kGptOss:
      return "gpt-oss";
    case ModelFamily::kFalcon:
      return "falcon";
    case ModelFamily::kOpt:
      return "opt";
    case ModelFamily::kGpt2:
      return "gpt2";
  }
  return "unknown";
}

Json peak_rates(const PeakRates& peak) {
  Json json = Json::object();
  put(json, "fp16_tensor_fp32acc", peak.fp16_tensor_fp32acc);
  put(json, "fp16_tensor_fp16acc", peak.fp16_tensor_fp16acc);
  put(json, "bf16_tensor", peak.bf16_tensor);
  put(json, "int8", peak.int8);
  put(json, "fp8_fp32acc", peak.fp8_fp32acc);
  put(json, "fp8_fp16acc", peak.fp8_fp16acc);
  put(json, "fp4", peak.fp4);
  put(json, "fp32", peak.fp32);
  put(json, "fp16_nontensor", peak.fp16_nontensor);
  return json;
}

void put_memory(Json& json, const Device& device) {
  json["memory_bytes"] = device.memory.count();
  put(json, "memory_reported_bytes", device.memory_reported);
  put(json, "usable_memory_fraction", device.usable_memory_fraction);
  json["unified_memory"] = device.unified_memory;
  json["memory_bandwidth_bytes_per_s"] = device.memory_bandwidth.count();
  put(json, "l2_bytes", device.l2);
  put(json, "last_level_cache_bytes", device.last_level_cache);
}

void put_links(Json& json, const Device& device) {
  if (device.pcie_gen > 0) {
    json["pcie"] = {
        {"generation", device.pcie_gen}, {"lanes", device.pcie_lanes}, {"p2p", device.pcie_p2p}};
  }
  if (device.peer_link.kind == topology::PeerLinkKind::kNone) return;
  json["peer_link"] = {{"kind", link_name(device.peer_link.kind)},
                       {"per_direction_bytes_per_s", device.peer_link.per_direction.count()}};
}

void put_prices(Json& json, const Device& device) {
  put(json, "launch_year", device.launch_year);
  put(json, "launch_price_usd", device.launch_price_usd);
  if (!device.street_price_low_usd || !device.street_price_high_usd) return;
  json["street_price_2025_usd"] = {{"low", *device.street_price_low_usd},
                                   {"high", *device.street_price_high_usd}};
}

Json host_json(const topology::Host& host) {
  Json json = {{"title", host.name},
               {"memory_bytes", host.memory.count()},
               {"memory_bandwidth_bytes_per_s", host.memory_bandwidth.count()},
               {"cores", host.cores}};
  if (host.cpu) json["cpu"] = host.cpu->name;
  return json;
}

Json cable_json(const topology::Rig& rig, const topology::Cable& cable) {
  const auto name = [&](topology::NodeId node) {
    return rig.nodes.at(static_cast<std::size_t>(node)).name;
  };
  return {{"a", name(cable.a)},
          {"b", name(cable.b)},
          {"kind", topology::to_string(cable.kind)},
          {"type", cable.type},
          {"per_direction_bytes_per_s", cable.per_direction.count()},
          {"latency_s", sim::to_seconds(cable.latency)}};
}

}  // namespace

Json to_json(const configs::Entry<Device>& entry) {
  const Device& device = entry.value;
  Json json = names_of(entry.about);
  json["kind"] = kind_name(device.kind);
  json["vendor"] = device.vendor;
  json["architecture"] = device.architecture;
  json["chip"] = device.chip;
  put_memory(json, device);
  json["sm_count"] = device.sm_count;
  put(json, "fp32_lanes", device.fp32_lanes);
  json["boost_clock_hz"] = device.boost_hz;
  json["peak_flops_per_s"] = peak_rates(device.peak);
  json["tdp_w"] = device.tdp.count();
  put_links(json, device);
  put_prices(json, device);
  return with_source(std::move(json), entry.about);
}

Json to_json(const configs::Entry<topology::Rig>& entry) {
  const topology::Rig& rig = entry.value;
  Json json = names_of(entry.about);
  json["devices"] = Json::array();
  for (const topology::InstalledDevice& installed : rig.devices) {
    Json device = {{"name", installed.name}, {"device", installed.device.name}};
    put(device, "power_limit_w", installed.power_limit);
    json["devices"].push_back(std::move(device));
  }
  json["host"] = host_json(rig.host);
  json["nodes"] = Json::array();
  for (const topology::Node& node : rig.nodes) {
    json["nodes"].push_back(
        {{"name", node.name}, {"kind", topology::to_string(node.kind)}, {"machine", node.machine}});
  }
  json["cables"] = Json::array();
  for (const topology::Cable& cable : rig.cables) json["cables"].push_back(cable_json(rig, cable));
  json["peer_access"] = Json::array();
  for (const topology::PeerAccess& pair : rig.peer_access) {
    json["peer_access"].push_back({rig.devices.at(pair.from).name, rig.devices.at(pair.to).name});
  }
  return with_source(std::move(json), entry.about);
}

Json to_json(const configs::Entry<topology::Host>& entry) {
  Json json = names_of(entry.about);
  json.update(host_json(entry.value));
  return with_source(std::move(json), entry.about);
}

Json to_json(const configs::Entry<workloads::Model>& entry) {
  const workloads::Model& model = entry.value;
  Json json = names_of(entry.about);
  json["hf_id"] = model.hf_id;
  json["family"] = family_name(model.family);
  json["parameters"] = workloads::parameter_count(model);
  json["active_parameters"] = workloads::active_parameter_count(model);
  put(json, "published_parameters", model.published_parameters);
  json["layers"] = model.layers;
  json["hidden"] = model.hidden;
  json["heads"] = model.heads;
  json["kv_heads"] = model.kv_heads;
  json["head_dim"] = model.head_dim;
  json["ffn_intermediate"] = model.ffn_intermediate;
  json["vocab"] = model.vocab;
  json["max_context"] = model.max_context;
  if (model.sliding_window > 0) json["sliding_window"] = model.sliding_window;
  if (model.experts) {
    json["experts"] = {{"count", model.experts->count},
                       {"active", model.experts->active},
                       {"intermediate", model.experts->intermediate},
                       {"shared", model.experts->shared}};
  }
  return with_source(std::move(json), entry.about);
}

Json to_json(const configs::Entry<workloads::TensorType>& entry) {
  const workloads::TensorTypeInfo& type = info(entry.value);
  Json json = names_of(entry.about);
  json["block_weights"] = type.block_weights;
  json["block_bits"] = type.block_bits;
  json["bits_per_weight"] = type.bits_per_weight();
  return with_source(std::move(json), entry.about);
}

Json to_json(const configs::Entry<workloads::WeightsFormat>& entry) {
  return with_source(names_of(entry.about), entry.about);
}

Json to_json(const configs::Entry<workloads::KvFormat>& entry) {
  const workloads::KvFormatInfo& format = info(entry.value);
  Json json = names_of(entry.about);
  json["block_values"] = format.block_values;
  json["block_bytes"] = format.block_bytes;
  return with_source(std::move(json), entry.about);
}

Json to_json(const configs::Entry<configs::EngineFile>& entry) {
  const workloads::EngineProfile& engine = entry.value.profile;
  Json json = names_of(entry.about);
  json["version"] = engine.version;
  json["batch_tokens"] = engine.batch_tokens;
  json["micro_batch_tokens"] = engine.micro_batch_tokens;
  json["flash_attention"] = engine.flash_attention;
  json["tensor_parallel"] = engine.tensor_parallel;
  json["backends"] = Json::array();
  for (const workloads::BackendProfile& backend : engine.backends) {
    Json devices = Json::array();
    for (const auto& [name, fit] : backend.devices) devices.push_back(name);
    const auto builds = entry.value.builds.find(backend.backend);
    const auto data = entry.value.data.find(backend.backend);
    json["backends"].push_back(
        {{"name", workloads::to_string(backend.backend)},
         {"builds", builds == entry.value.builds.end() ? Json() : Json(builds->second)},
         {"fitted_to", data == entry.value.data.end() ? Json() : Json(data->second)},
         {"fitted_devices", std::move(devices)}});
  }
  return with_source(std::move(json), entry.about);
}

}  // namespace rigsim::cli
