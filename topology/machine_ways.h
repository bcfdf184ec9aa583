#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "topology/route_price.h"

namespace rigsim::topology {

/// The ways inside each machine of a rig, over all cables but the network's. Devices do not
/// forward. Machines wired alike share one table. Ties: fewer hops, then the lower node id, seen
/// from the far end.
class MachineWays {
 public:
  /// Of a valid rig (rig_check.h).
  explicit MachineWays(const Rig& rig);

  /// kUnreachable between machines, for network switches, and where no cable leads.
  [[nodiscard]] RoutePrice price(NodeId from, NodeId to) const;

  /// Appends the hops from one node to another, where price() knows a way.
  void append(NodeId from, NodeId to, std::vector<Hop>& hops) const;

  /// The hosts of the machine in which `node` stands, and its NICs and hosts that have a network
  /// cable; rising.
  [[nodiscard]] std::span<const NodeId> hosts_beside(NodeId node) const;
  [[nodiscard]] std::span<const NodeId> ports_beside(NodeId node) const;

  /// How many devices of its machine have a lower node id.
  [[nodiscard]] std::uint32_t rank(NodeId node) const { return places_[index(node)].rank; }

 private:
  /// How a node is reached; cables and nodes by their numbers in the machine.
  struct Arrival {
    RoutePrice price;
    std::uint32_t previous = 0;
    Hop hop;
  };

  /// The ways inside machines of one wiring: [from x to], row = from.
  struct Table {
    std::size_t nodes = 0;
    std::vector<Arrival> arrivals;
  };

  struct Machine {
    std::size_t table = 0;
    std::vector<NodeId> nodes;
    std::vector<std::uint32_t> cables;
    std::vector<NodeId> hosts;
    std::vector<NodeId> ports;
  };

  struct Place {
    std::uint32_t machine = 0;
    std::uint32_t number = 0;  ///< in the machine
    std::uint32_t rank = 0;
    bool in_a_machine = true;  ///< a network switch is not
  };

  [[nodiscard]] static std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }
  [[nodiscard]] bool in_one_machine(NodeId from, NodeId to) const;
  [[nodiscard]] const Arrival& arrival(NodeId from, NodeId to) const;
  void place(const Rig& rig);
  void add_cables(const Rig& rig);
  [[nodiscard]] std::vector<PricedArc> arcs(const Rig& rig, const Machine& machine) const;
  [[nodiscard]] static Table table(const std::vector<bool>& forwards,
                                   std::span<const PricedArc> arcs);

  std::vector<Place> places_;  ///< by node
  std::vector<Machine> machines_;
  std::vector<Table> tables_;
};

}  // namespace rigsim::topology
