#include "analysis/json_rig.h"

#include <nlohmann/json.hpp>

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;

std::size_t index(topology::NodeId id) { return static_cast<std::size_t>(id); }

Json links_json(const topology::Rig& rig) {
  Json links = Json::array();
  for (const topology::Cable& cable : rig.cables)
    links.push_back({{"a", rig.nodes[index(cable.a)].name},
                     {"b", rig.nodes[index(cable.b)].name},
                     {"type", cable.type},
                     {"kind", topology::to_string(cable.kind)},
                     {"bandwidth_bytes_per_s", cable.per_direction.count()},
                     {"latency_s", sim::to_seconds(cable.latency)}});
  return links;
}

Json pairs_json(const topology::Rig& rig, const RigView& view) {
  Json pairs = Json::array();
  for (std::size_t i = 0; i < view.devices.size(); ++i) {
    for (std::size_t j = 0; j < view.devices.size(); ++j) {
      const auto& pair = view.pair(i, j);
      if (i == j || !pair) continue;
      pairs.push_back({{"from", rig.devices[view.devices[i]].name},
                       {"to", rig.devices[view.devices[j]].name},
                       {"path", topology::to_string(pair->path)},
                       {"staged", pair->staged},
                       {"bandwidth_bytes_per_s", pair->bandwidth.count()},
                       {"latency_s", sim::to_seconds(pair->latency)},
                       {"via", pair->via}});
    }
  }
  return pairs;
}

}  // namespace

Json to_json(const topology::Rig& rig, const RigView& view) {
  std::vector<std::uint32_t> machine(rig.devices.size(), 0);
  Json nodes = Json::array();
  for (const topology::Node& node : rig.nodes) {
    nodes.push_back(
        {{"name", node.name}, {"kind", topology::to_string(node.kind)}, {"machine", node.machine}});
    if (node.device) machine[*node.device] = node.machine;
  }
  Json devices = Json::array();
  for (std::size_t i = 0; i < rig.devices.size(); ++i)
    devices.push_back({{"name", rig.devices[i].name},
                       {"device", rig.devices[i].device.name},
                       {"machine", machine[i]}});
  return {{"name", rig.name},
          {"devices", std::move(devices)},
          {"nodes", std::move(nodes)},
          {"links", links_json(rig)},
          {"pairs", pairs_json(rig, view)},
          {"pairs_complete", view.complete}};
}

}  // namespace rigsim::analysis
