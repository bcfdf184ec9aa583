#include "topology/rig_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "topology/link_rates.h"
#include "topology/node_groups.h"

namespace rigsim::topology {
namespace {

using Pair = std::pair<std::uint32_t, std::uint32_t>;

[[noreturn]] void refuse(const Rig& rig, std::string_view what) {
  throw NothingToChange(fmt::format("{}: {}", rig.name, what));
}

const Node& node(const Rig& rig, NodeId id) { return rig.nodes[static_cast<std::size_t>(id)]; }

std::optional<NodeId> node_of(const Rig& rig, std::uint32_t device) {
  const auto at = std::find_if(rig.nodes.begin(), rig.nodes.end(),
                               [&](const Node& n) { return n.device == device; });
  if (at == rig.nodes.end()) return std::nullopt;
  return NodeId{static_cast<std::uint32_t>(at - rig.nodes.begin())};
}

bool joins_peers(CableKind kind) {
  return kind == CableKind::kNvlink || kind == CableKind::kXgmi || kind == CableKind::kC2c;
}

/// Pairs of devices that something faster than PCIe joins, by a cable or switches between them; the
/// lower one first.
std::set<Pair> joined_pairs(const Rig& rig) {
  std::set<Pair> pairs;
  const auto join = [&](std::uint32_t a, std::uint32_t b) {
    pairs.insert({std::min(a, b), std::max(a, b)});
  };
  const auto is_switch = [&](NodeId id) { return node(rig, id).kind == NodeKind::kNvSwitch; };
  const auto number = [](NodeId id) { return static_cast<std::size_t>(id); };
  NodeGroups fabrics(rig.nodes.size());
  for (const Cable& cable : rig.cables)
    if (is_switch(cable.a) && is_switch(cable.b)) fabrics.join(number(cable.a), number(cable.b));
  std::map<std::size_t, std::vector<std::uint32_t>> on_fabric;
  for (const Cable& cable : rig.cables) {
    if (!joins_peers(cable.kind)) continue;
    const auto& a = node(rig, cable.a).device;
    const auto& b = node(rig, cable.b).device;
    if (a && b) join(*a, *b);
    if (a && is_switch(cable.b)) on_fabric[fabrics.of(number(cable.b))].push_back(*a);
    if (b && is_switch(cable.a)) on_fabric[fabrics.of(number(cable.a))].push_back(*b);
  }
  for (const auto& [fabric, members] : on_fabric)
    for (std::size_t i = 0; i < members.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (members[i] != members[j]) join(members[i], members[j]);
  return pairs;
}

struct PcieShape {
  int generation = 0;
  int lanes = 0;
};

/// Reads "pcie4x16"; none for another text.
std::optional<PcieShape> pcie_shape(std::string_view type) {
  if (!type.starts_with("pcie")) return std::nullopt;
  type.remove_prefix(4);
  PcieShape shape;
  const char* end = type.data() + type.size();
  const auto generation = std::from_chars(type.data(), end, shape.generation);
  if (generation.ec != std::errc{} || generation.ptr == end || *generation.ptr != 'x')
    return std::nullopt;
  const auto lanes = std::from_chars(generation.ptr + 1, end, shape.lanes);
  if (lanes.ec != std::errc{} || lanes.ptr != end) return std::nullopt;
  return shape;
}

/// The first of each pair of neighbours of one machine that bridges may join.
std::vector<std::uint32_t> first_of_pairs(const Rig& rig) {
  std::vector<std::uint32_t> firsts;
  for (std::uint32_t i = 0; i + 1 < rig.devices.size(); ++i) {
    const auto a = node_of(rig, i);
    const auto b = node_of(rig, i + 1);
    const bool together = a && b && node(rig, *a).machine == node(rig, *b).machine;
    if (together) firsts.push_back(i++);
  }
  return firsts;
}

bool has_device(const Rig& rig, const Cable& cable) {
  return node(rig, cable.a).device || node(rig, cable.b).device;
}

/// The bridge of an RTX A6000 or 3090: GA102 white paper, 4 links of 14.0625 GB/s.
PeerLink hypothetical_bridge() { return {PeerLinkKind::kNvlinkBridge, sim::Bandwidth(56.25e9)}; }

LinkRate bridge(Device device) {
  if (device.peer_link.kind != PeerLinkKind::kNvlinkBridge) {
    device.peer_link = hypothetical_bridge();
    device.chip = "GA102";
  }
  return peer_cable(device);
}

}  // namespace

Rig with_joined_peer_access(Rig rig) {
  std::set<Pair> permitted;
  for (const PeerAccess& peer : rig.peer_access) permitted.insert({peer.from, peer.to});
  for (const auto& [a, b] : joined_pairs(rig))
    for (const auto& [from, to] : {Pair(a, b), Pair(b, a)})
      if (permitted.insert({from, to}).second) rig.peer_access.push_back({from, to});
  return rig;
}

Rig with_pcie_peer_access(Rig rig, bool permitted) {
  if (rig.devices.size() < 2) refuse(rig, "peer access needs two devices");
  const std::set<Pair> joined = joined_pairs(rig);
  std::vector<PeerAccess> access;
  for (std::uint32_t from = 0; from < rig.devices.size(); ++from) {
    const auto a = node_of(rig, from);
    for (std::uint32_t to = 0; to < rig.devices.size(); ++to) {
      const auto b = node_of(rig, to);
      if (from == to || !a || !b || node(rig, *a).machine != node(rig, *b).machine) continue;
      if (permitted || joined.contains({std::min(from, to), std::max(from, to)}))
        access.push_back({from, to});
    }
  }
  rig.peer_access = std::move(access);
  return rig;
}

Rig with_pcie(Rig rig, std::optional<int> generation, std::optional<int> lanes) {
  bool changed = false;
  for (Cable& cable : rig.cables) {
    const auto shape = cable.kind == CableKind::kPcie ? pcie_shape(cable.type) : std::nullopt;
    if (!shape) continue;
    const bool slot = has_device(rig, cable);
    const LinkRate before = pcie_link(shape->generation, shape->lanes);
    LinkRate after = pcie_link(generation.value_or(shape->generation),
                               slot ? lanes.value_or(shape->lanes) : shape->lanes);
    changed = changed || after.type != cable.type;
    cable.type = std::move(after.type);
    cable.per_direction = cable.per_direction * (after.per_direction / before.per_direction);
    cable.latency =
        sim::from_seconds(sim::to_seconds(cable.latency) *
                          (sim::to_seconds(after.latency) / sim::to_seconds(before.latency)));
  }
  for (InstalledDevice& installed : rig.devices) {
    if (installed.device.pcie_gen == 0) continue;
    if (!installed.staged_copy_cost)
      installed.staged_copy_cost = staged_copy(installed.device).fixed_cost;
    installed.device.pcie_gen = generation.value_or(installed.device.pcie_gen);
    installed.device.pcie_lanes = lanes.value_or(installed.device.pcie_lanes);
  }
  if (!changed) refuse(rig, "no PCIe link would change");
  return rig;
}

Rig with_nvlink_bridges(Rig rig) {
  const std::set<Pair> joined = joined_pairs(rig);
  bool added = false;
  for (const std::uint32_t i : first_of_pairs(rig)) {
    if (rig.devices[i].device.name != rig.devices[i + 1].device.name) continue;
    if (rig.devices[i].device.pcie_gen == 0 || joined.contains({i, i + 1})) continue;
    const auto a = node_of(rig, i);
    const auto b = node_of(rig, i + 1);
    LinkRate rate = bridge(rig.devices[i].device);
    rig.cables.push_back(
        {*a, *b, std::move(rate.type), rate.per_direction, rate.latency, CableKind::kNvlink});
    std::erase_if(rig.peer_access, [&](const PeerAccess& peer) {
      return Pair(peer.from, peer.to) == Pair(i, i + 1) ||
             Pair(peer.from, peer.to) == Pair(i + 1, i);
    });
    rig.peer_access.push_back({i, i + 1});
    rig.peer_access.push_back({i + 1, i});
    added = true;
  }
  if (!added) refuse(rig, "no pair of neighbours of one type is without NVLink");
  return rig;
}

}  // namespace rigsim::topology
