#pragma once

#include <optional>
#include <string>
#include <vector>

#include "topology/machine_ways.h"
#include "topology/network_ways.h"
#include "topology/rig.h"
#include "topology/route_price.h"

namespace rigsim::topology {

/// The cheapest ways between a rig's nodes. The price of a hop is its latency plus 1 MiB at its
/// bandwidth: an NVLink bridge beats a PCIe detour whose first byte arrives sooner. Ties: fewer
/// hops, then the lower node id, seen from the far end. Devices do not forward: a route passes
/// through hosts, switches and NICs only.
///
/// Two levels keep a cluster's table small: ways inside a machine never leave it (machine_ways.h);
/// a way between machines goes to a port (a NIC or host with a network cable), through the network
/// (network_ways.h) and from a port. Of equally cheap ports a device takes the one of its own rank
/// in the machine, so that eight GPUs on eight NICs use one each. Memory: nodes of one machine
/// squared for each different wiring, network switches squared, and linear in all else.
class RouteTable {
 public:
  /// Throws std::invalid_argument when the rig is not valid (rig_check.h).
  explicit RouteTable(const Rig& rig);

  /// Hops in travel order; empty from a node to itself.
  /// Throws std::invalid_argument, naming both nodes, when there is no way or a node is unknown.
  [[nodiscard]] std::vector<Hop> route(NodeId from, NodeId to) const;

  [[nodiscard]] bool connected(NodeId from, NodeId to) const;

  /// The host of its machine that is nearest to `node` (ties: the lower id); none without cables.
  [[nodiscard]] std::optional<NodeId> nearest_host(NodeId node) const;

 private:
  /// From a node over two ports to another.
  struct Crossing {
    RoutePrice price = kUnreachable;
    std::uint32_t detour = 0;  ///< how far the ports' ranks are from the nodes'
    NodeId exit{};
    NodeId entry{};
  };

  void check(NodeId node) const;
  [[nodiscard]] Crossing crossing(NodeId from, NodeId to) const;
  [[nodiscard]] std::vector<NodeId> ports_of(NodeId node) const;
  [[nodiscard]] RoutePrice to_port(NodeId node, NodeId port) const;

  std::vector<std::string> names_;
  MachineWays machines_;
  NetworkWays network_;
};

}  // namespace rigsim::topology
