#pragma once

#include <string>

#include "tests/topology/devices.h"

namespace rigsim::topology::testing {

/// `machines` of two H100 each: gpu - PCIe switch - NIC beside it, both switches on one host; every
/// NIC on a leaf of `per_leaf` machines; each leaf on each of `spines`.
inline Rig two_by_two_cluster(std::uint32_t machines, std::uint32_t per_leaf,
                              std::uint32_t spines) {
  Rig rig;
  rig.name = "cluster";
  const auto numbered = [](std::string text, std::uint32_t number) {
    return text + std::to_string(number);
  };
  const auto node = [&](NodeKind kind, std::string name, std::uint32_t machine) {
    rig.nodes.push_back({kind, std::move(name), {}, machine});
    return NodeId{static_cast<std::uint32_t>(rig.nodes.size() - 1)};
  };
  const auto cable = [&](NodeId a, NodeId b, const char* type, CableKind kind) {
    rig.cables.push_back({a, b, type, sim::Bandwidth(50e9), std::chrono::nanoseconds(300), kind});
  };
  std::vector<NodeId> leaves;
  std::vector<NodeId> tops;
  for (std::uint32_t s = 0; s < spines; ++s)
    tops.push_back(node(NodeKind::kNetworkSwitch, numbered("spine", s), 0));
  for (std::uint32_t m = 0; m < machines; ++m) {
    if (m % per_leaf == 0) {
      leaves.push_back(node(NodeKind::kNetworkSwitch, numbered("leaf", m / per_leaf), 0));
      for (const NodeId top : tops) cable(leaves.back(), top, "network-up", CableKind::kNetwork);
    }
    const std::string in_machine = numbered("m", m) + ".";
    const NodeId host = node(NodeKind::kHost, in_machine + "host", m);
    for (std::uint32_t g = 0; g < 2; ++g) {
      rig.devices.push_back({h100_sxm(), numbered(in_machine + "gpu", g), {}});
      const NodeId gpu = node(NodeKind::kDevice, rig.devices.back().name, m);
      rig.nodes.back().device = static_cast<std::uint32_t>(rig.devices.size() - 1);
      const NodeId hub = node(NodeKind::kPcieSwitch, numbered(in_machine + "switch", g), m);
      const NodeId nic = node(NodeKind::kNic, numbered(in_machine + "nic", g), m);
      cable(gpu, hub, "pcie5x16", CableKind::kPcie);
      cable(hub, host, "pcie5x16", CableKind::kPcie);
      cable(nic, hub, "pcie5x16", CableKind::kPcie);
      cable(nic, leaves.back(), "network", CableKind::kNetwork);
    }
  }
  return rig;
}

}  // namespace rigsim::topology::testing
