#include "topology/cluster.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "topology/link_rates.h"
#include "topology/rig_check.h"

namespace rigsim::topology {
namespace {

template <class... Args>
[[noreturn]] void refuse(const Rig& rig, fmt::format_string<Args...> text, Args&&... args) {
  throw std::invalid_argument(
      fmt::format("{}: {}", rig.name, fmt::format(text, std::forward<Args>(args)...)));
}

/// Where a machine's NIC is plugged in, and the device whose slot is like its own.
struct NicSlot {
  NodeId at{};
  std::uint32_t device = 0;
};

NodeId other_end(const Cable& cable, NodeId node) { return cable.a == node ? cable.b : cable.a; }

NodeId pcie_parent(const Rig& machine, NodeId device) {
  const auto cable = std::ranges::find_if(machine.cables, [&](const Cable& c) {
    return c.kind == CableKind::kPcie && (c.a == device || c.b == device);
  });
  if (cable == machine.cables.end())
    refuse(machine, "{} has no PCIe beside which a NIC could stand",
           machine.nodes[static_cast<std::size_t>(device)].name);
  return other_end(*cable, device);
}

std::vector<NicSlot> nic_slots(const Rig& machine, const NetworkPlan& plan) {
  const auto devices = static_cast<std::uint32_t>(machine.devices.size());
  const std::uint32_t nics = plan.nics.value_or(devices);
  if (nics == 0 || nics > devices)
    refuse(machine, "a machine of {} devices takes 1 to {} NICs, got {}", devices, devices, nics);
  std::vector<NodeId> node_of(devices);
  for (std::uint32_t i = 0; i < machine.nodes.size(); ++i)
    if (machine.nodes[i].device) node_of[*machine.nodes[i].device] = NodeId{i};
  std::vector<NicSlot> slots;
  for (std::uint32_t i = 0; i < nics; ++i) {
    const std::uint32_t device = i * devices / nics;
    slots.push_back({pcie_parent(machine, node_of[device]), device});
  }
  return slots;
}

void check(const Rig& machine, std::uint32_t machines, const NetworkPlan& plan) {
  if (machines == 0) refuse(machine, "a cluster needs a machine");
  if (plan.radix < 2) refuse(machine, "a switch has at least 2 ports, got {}", plan.radix);
  if (!(plan.oversubscription >= 1) || plan.oversubscription > plan.radix - 1)
    refuse(machine, "oversubscription must be from 1 to {}, got {}", plan.radix - 1,
           plan.oversubscription);
  for (const Node& node : machine.nodes)
    if (node.kind == NodeKind::kNic || node.kind == NodeKind::kNetworkSwitch)
      refuse(machine, "{} is part of a network already", node.name);
}

/// Puts copies of one machine into a rig and joins them.
class Cluster {
 public:
  Cluster(const Rig& machine, std::uint32_t machines, const NetworkPlan& plan)
      : machine_(machine),
        machines_(machines),
        plan_(plan),
        slots_(nic_slots(machine, plan)),
        cable_(network_cable(plan.nic.value_or(nic_rate(machine.devices.front().device)),
                             plan.latency)) {
    rig_.name = machine.name;
    rig_.host = machine.host;
  }

  Rig build() && {
    std::vector<NodeId> nics;
    for (std::uint32_t m = 0; m < machines_; ++m) add_machine(m, nics);
    join(nics);
    validate(rig_);
    return std::move(rig_);
  }

 private:
  NodeId add_node(Node node) {
    rig_.nodes.push_back(std::move(node));
    return NodeId{static_cast<std::uint32_t>(rig_.nodes.size() - 1)};
  }

  void add_cable(NodeId a, NodeId b, const LinkRate& rate) {
    rig_.cables.push_back({a, b, rate.type, rate.per_direction, rate.latency, rate.kind});
  }

  void add_machine(std::uint32_t m, std::vector<NodeId>& nics) {
    const auto first_node = static_cast<std::uint32_t>(rig_.nodes.size());
    const auto first_device = static_cast<std::uint32_t>(rig_.devices.size());
    const auto moved = [&](NodeId id) {
      return NodeId{first_node + static_cast<std::uint32_t>(id)};
    };
    for (InstalledDevice installed : machine_.devices) {
      installed.name = fmt::format("m{}.{}", m, installed.name);
      rig_.devices.push_back(std::move(installed));
    }
    for (Node node : machine_.nodes) {
      node.name = fmt::format("m{}.{}", m, node.name);
      node.machine = m;
      if (node.device) *node.device += first_device;
      rig_.nodes.push_back(std::move(node));
    }
    for (Cable cable : machine_.cables) {
      cable.a = moved(cable.a);
      cable.b = moved(cable.b);
      rig_.cables.push_back(std::move(cable));
    }
    for (const PeerAccess& peer : machine_.peer_access)
      rig_.peer_access.push_back({first_device + peer.from, first_device + peer.to});
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      nics.push_back(add_node({NodeKind::kNic, fmt::format("m{}.nic{}", m, i), {}, m}));
      add_cable(nics.back(), moved(slots_[i].at),
                host_cable(machine_.devices[slots_[i].device].device));
    }
  }

  NodeId add_switch(std::string_view kind, std::size_t number) {
    return add_node({NodeKind::kNetworkSwitch, fmt::format("{}{}", kind, number), {}});
  }

  /// The leaf of each NIC, NICs machine by machine.
  [[nodiscard]] std::size_t leaf_of(std::size_t nic, std::size_t per_leaf) const {
    if (plan_.shape == NetworkShape::kFatTree) return nic / per_leaf;
    const std::size_t machine = nic / slots_.size();
    return machine / per_leaf * slots_.size() + nic % slots_.size();
  }

  void join(const std::vector<NodeId>& nics) {
    if (nics.size() <= plan_.radix) {
      const NodeId leaf = add_switch("leaf", 0);
      for (const NodeId nic : nics) add_cable(nic, leaf, cable_);
      return;
    }
    const double share = plan_.oversubscription / (1 + plan_.oversubscription);
    const auto per_leaf = static_cast<std::size_t>(std::floor(plan_.radix * share));
    std::vector<NodeId> leaves;
    for (std::size_t i = 0; i < nics.size(); ++i) {
      const std::size_t leaf = leaf_of(i, per_leaf);
      while (leaves.size() <= leaf) leaves.push_back(add_switch("leaf", leaves.size()));
      add_cable(nics[i], leaves[leaf], cable_);
    }
    join_leaves(leaves, static_cast<double>(per_leaf) / plan_.oversubscription);
  }

  /// `uplinks`: of a leaf, in cables of a NIC.
  void join_leaves(const std::vector<NodeId>& leaves, double uplinks) {
    if (leaves.size() <= plan_.radix) {
      const NodeId spine = add_switch("spine", 0);
      for (const NodeId leaf : leaves) add_cable(leaf, spine, switch_cable(cable_, uplinks));
      return;
    }
    const std::size_t per_pod = plan_.radix / 2;
    if (leaves.size() > per_pod * plan_.radix)
      refuse(machine_, "{} NICs need {} leaves; three levels of switches with {} ports join {}",
             machines_ * slots_.size(), leaves.size(), plan_.radix, per_pod * plan_.radix);
    const NodeId core = add_switch("core", 0);
    std::vector<NodeId> pods;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (i % per_pod == 0) {
        pods.push_back(add_switch("pod", pods.size()));
        add_cable(pods.back(), core, switch_cable(cable_, uplinks * static_cast<double>(per_pod)));
      }
      add_cable(leaves[i], pods.back(), switch_cable(cable_, uplinks));
    }
  }

  const Rig& machine_;
  std::uint32_t machines_;
  const NetworkPlan& plan_;
  std::vector<NicSlot> slots_;
  LinkRate cable_;  ///< of a NIC
  Rig rig_;
};

}  // namespace

Rig build_cluster(const Rig& machine, std::uint32_t machines, const NetworkPlan& plan) {
  validate(machine);
  check(machine, machines, plan);
  return Cluster(machine, machines, plan).build();
}

}  // namespace rigsim::topology
