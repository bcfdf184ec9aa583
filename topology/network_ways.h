#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "topology/route_price.h"

namespace rigsim::topology {

/// The ways over network cables: from port to port (NICs and hosts with a network cable) through
/// network switches; ports do not forward. Equally cheap ways are spread by destination: the k-th
/// port takes the (k mod n)-th of n, at each switch anew (D-mod-K routing: Zahavi, Fat-tree routing
/// and node ordering providing contention free traffic for MPI global collectives, J. Parallel
/// Distrib. Comput. 72, 2012).
class NetworkWays {
 public:
  /// Of a valid rig (rig_check.h).
  explicit NetworkWays(const Rig& rig);

  /// From a port or network switch to another; kUnreachable where no network cables lead.
  [[nodiscard]] RoutePrice price(NodeId from, NodeId to) const;

  /// Appends the hops, where price() knows a way.
  void append(NodeId from, NodeId to, std::vector<Hop>& hops) const;

 private:
  /// A switch and the cable by which it is reached; the end itself where that is a switch.
  struct Access {
    std::uint32_t network_switch = 0;
    RoutePrice price;
    std::optional<Hop> hop;  ///< towards the switch
  };

  /// Of all ways from one end to the other, one: a direct cable, or from access to access.
  struct Way {
    RoutePrice price = kUnreachable;
    std::optional<Hop> direct;
    Access start;
    Access finish;
  };

  /// How a node takes part in the network.
  struct Place {
    std::optional<std::uint32_t> network_switch;  ///< its number among the switches
    std::uint32_t port = 0;                       ///< its number among the ports
    std::uint32_t first_access = 0;               ///< in accesses_
    std::uint32_t accesses = 0;
  };

  struct DirectCable {
    NodeId from{};
    NodeId to{};
    Hop hop;
    RoutePrice price;
  };

  [[nodiscard]] Way cheapest(NodeId from, NodeId to) const;
  [[nodiscard]] RoutePrice between(std::uint32_t from, std::uint32_t to) const {
    return prices_[std::size_t{from} * switches_ + to];
  }
  void append_switches(std::uint32_t from, std::uint32_t to, std::uint32_t key,
                       std::vector<Hop>& hops) const;
  void place(const Rig& rig);
  void add_ports(const Rig& rig);
  void price_switches(const Rig& rig);

  std::uint32_t switches_ = 0;
  std::vector<Place> places_;        ///< by node
  std::vector<Access> accesses_;     ///< a switch's own, or a port's cables; by node
  std::vector<DirectCable> direct_;  ///< from port to port, by ends and cable
  std::vector<RoutePrice> prices_;   ///< [from x to], switches
  ArcsByHead arcs_;                  ///< between switches
};

}  // namespace rigsim::topology
