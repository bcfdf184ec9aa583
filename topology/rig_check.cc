#include "topology/rig_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <tuple>

#include "topology/node_groups.h"

namespace rigsim::topology {
namespace {

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

template <class... Args>
[[noreturn]] void refuse(const Rig& rig, fmt::format_string<Args...> text, Args&&... args) {
  throw std::invalid_argument(
      fmt::format("rig {}: {}", rig.name, fmt::format(text, std::forward<Args>(args)...)));
}

void check_devices(const Rig& rig) {
  if (rig.devices.empty()) refuse(rig, "a rig needs a device");
  std::set<std::string_view> names;
  for (const InstalledDevice& installed : rig.devices) {
    if (!names.insert(installed.name).second)
      refuse(rig, "two devices are named \"{}\"", installed.name);
    if (installed.power_limit && !(installed.power_limit->count() > 0))
      refuse(rig, "{}: the power limit must be > 0 W, got {} W", installed.name,
             installed.power_limit->count());
  }
}

void check_nodes(const Rig& rig) {
  std::set<std::string_view> names;
  std::vector<int> nodes_of_device(rig.devices.size());
  for (const Node& node : rig.nodes) {
    if (!names.insert(node.name).second) refuse(rig, "two nodes are named \"{}\"", node.name);
    if (node.device.has_value() != (node.kind == NodeKind::kDevice))
      refuse(rig, "node {}: a device node, and no other, names a device", node.name);
    if (!node.device) continue;
    if (*node.device >= rig.devices.size())
      refuse(rig, "node {}: device {} is unknown, the rig has {}", node.name, *node.device,
             rig.devices.size());
    if (++nodes_of_device[*node.device] > 1)
      refuse(rig, "device {} stands at two nodes, the second is {}", rig.devices[*node.device].name,
             node.name);
  }
  const auto missing = std::find(nodes_of_device.begin(), nodes_of_device.end(), 0);
  if (missing != nodes_of_device.end())
    refuse(rig, "device {} stands at no node",
           rig.devices[static_cast<std::size_t>(missing - nodes_of_device.begin())].name);
}

std::string describe(const Rig& rig, const Cable& cable) {
  return fmt::format("cable {} - {} ({})", rig.nodes[index(cable.a)].name,
                     rig.nodes[index(cable.b)].name, cable.type);
}

void check_cable(const Rig& rig, std::size_t number) {
  const Cable& cable = rig.cables[number];
  for (const NodeId end : {cable.a, cable.b})
    if (index(end) >= rig.nodes.size())
      refuse(rig, "cable {} ({}): node {} is unknown, the rig has {}", number, cable.type,
             index(end), rig.nodes.size());
  if (cable.a == cable.b) refuse(rig, "{}: both ends are the same node", describe(rig, cable));
  if (!(cable.per_direction.count() > 0) || !std::isfinite(cable.per_direction.count()))
    refuse(rig, "{}: bandwidth must be > 0 and finite, got {} GB/s", describe(rig, cable),
           cable.per_direction.count() * 1e-9);
  if (cable.latency < sim::Duration::zero())
    refuse(rig, "{}: latency must be >= 0, got {} us", describe(rig, cable),
           sim::to_seconds(cable.latency) * 1e6);
}

bool is_one_of(NodeKind kind, std::initializer_list<NodeKind> kinds) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

/// Whether a cable of `kind` may have both ends.
bool may_join(CableKind kind, NodeKind a, NodeKind b) {
  using enum NodeKind;
  const auto both = [&](std::initializer_list<NodeKind> kinds) {
    return is_one_of(a, kinds) && is_one_of(b, kinds);
  };
  switch (kind) {
    case CableKind::kPcie:
      return both({kDevice, kHost, kRootComplex, kPcieSwitch, kNic});
    case CableKind::kNvlink:
      return both({kDevice, kHost, kNvSwitch});
    case CableKind::kXgmi:
    case CableKind::kC2c:
      return both({kDevice, kHost});
    case CableKind::kSocket:
      return both({kHost});
    case CableKind::kOnDie:
      return both({kHost, kRootComplex, kPcieSwitch});
    case CableKind::kNetwork:
      return both({kNic, kNetworkSwitch, kHost});
  }
  return false;
}

std::string_view allowed_ends(CableKind kind) {
  switch (kind) {
    case CableKind::kPcie:
      return "devices, NICs, PCIe switches, root complexes and hosts";
    case CableKind::kNvlink:
      return "devices, NVSwitches and hosts";
    case CableKind::kXgmi:
    case CableKind::kC2c:
      return "devices and hosts";
    case CableKind::kSocket:
      return "hosts";
    case CableKind::kOnDie:
      return "hosts, root complexes and PCIe switches";
    case CableKind::kNetwork:
      return "NICs, network switches and hosts";
  }
  return "nothing";
}

void check_ends(const Rig& rig, const Cable& cable) {
  const Node& a = rig.nodes[index(cable.a)];
  const Node& b = rig.nodes[index(cable.b)];
  if (!may_join(cable.kind, a.kind, b.kind))
    refuse(rig, "{}: a {} cable joins {}, got {} and {}", describe(rig, cable),
           to_string(cable.kind), allowed_ends(cable.kind), to_string(a.kind), to_string(b.kind));
  if (a.machine != b.machine && cable.kind != CableKind::kNetwork)
    refuse(rig, "{}: it leaves machine {} for machine {}; only network cables do",
           describe(rig, cable), a.machine, b.machine);
}

void check_cables(const Rig& rig) {
  std::set<std::tuple<NodeId, NodeId, std::string_view>> seen;
  NodeGroups pcie(rig.nodes.size());
  for (std::size_t i = 0; i < rig.cables.size(); ++i) {
    check_cable(rig, i);
    const Cable& cable = rig.cables[i];
    if (!seen.insert({std::min(cable.a, cable.b), std::max(cable.a, cable.b), cable.type}).second)
      refuse(rig, "{}: the pair has such a cable already", describe(rig, cable));
    check_ends(rig, cable);
    if (cable.kind == CableKind::kPcie && !pcie.join(index(cable.a), index(cable.b)))
      refuse(rig, "{}: PCIe must form a tree, this cable closes a cycle", describe(rig, cable));
  }
}

bool is_device(const Rig& rig, NodeId node) {
  return rig.nodes[index(node)].kind == NodeKind::kDevice;
}

/// Devices forward nothing, so each needs a cable of its own to a host or to switches that reach
/// one.
void check_reach(const Rig& rig) {
  if (rig.cables.empty()) return;
  NodeGroups trunk(rig.nodes.size());
  for (const Cable& cable : rig.cables)
    if (!is_device(rig, cable.a) && !is_device(rig, cable.b))
      trunk.join(index(cable.a), index(cable.b));
  std::set<std::size_t> with_host;
  for (std::size_t i = 0; i < rig.nodes.size(); ++i)
    if (rig.nodes[i].kind == NodeKind::kHost) with_host.insert(trunk.of(i));
  std::set<NodeId> reached;
  for (const Cable& cable : rig.cables) {
    if (with_host.contains(trunk.of(index(cable.a)))) reached.insert(cable.b);
    if (with_host.contains(trunk.of(index(cable.b)))) reached.insert(cable.a);
  }
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i)
    if (is_device(rig, NodeId{i}) && !reached.contains(NodeId{i}))
      refuse(rig, "device {} is not connected to a host", rig.nodes[i].name);
}

/// A NIC is a PCIe card, however it is reached from the network.
void check_nics(const Rig& rig) {
  std::vector<bool> plugged(rig.nodes.size());
  for (const Cable& cable : rig.cables)
    if (cable.kind == CableKind::kPcie) plugged[index(cable.a)] = plugged[index(cable.b)] = true;
  for (std::size_t i = 0; i < rig.nodes.size(); ++i)
    if (rig.nodes[i].kind == NodeKind::kNic && !plugged[i])
      refuse(rig, "NIC {} has no PCIe cable", rig.nodes[i].name);
}

void check_peer_access(const Rig& rig) {
  for (const PeerAccess& peer : rig.peer_access) {
    for (const std::uint32_t device : {peer.from, peer.to})
      if (device >= rig.devices.size())
        refuse(rig, "peer access: device {} is unknown, the rig has {}", device,
               rig.devices.size());
    if (peer.from == peer.to)
      refuse(rig, "peer access of {} to itself", rig.devices[peer.from].name);
  }
}

}  // namespace

void validate(const Rig& rig) {
  check_devices(rig);
  check_nodes(rig);
  check_cables(rig);
  check_reach(rig);
  check_nics(rig);
  check_peer_access(rig);
}

}  // namespace rigsim::topology
