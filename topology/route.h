#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/rig.h"

namespace rigsim::topology {

/// One direction of one cable.
struct Hop {
  std::uint32_t cable = 0;  ///< index into Rig::cables
  bool a_to_b = true;

  friend bool operator==(const Hop&, const Hop&) = default;
};

/// The cheapest way between every pair of a rig's nodes, found once (Dijkstra).
/// The price of a hop is its latency plus 1 MiB at its bandwidth: an NVLink bridge beats a PCIe
/// detour whose first byte arrives sooner. Ties: fewer hops, then the lower node id, seen from the
/// far end. Devices do not forward: a route passes through hosts and switches only.
class RouteTable {
 public:
  /// Throws std::invalid_argument when the rig is not valid (rig_check.h).
  explicit RouteTable(const Rig& rig);

  /// Hops in travel order; empty from a node to itself.
  /// Throws std::invalid_argument, naming both nodes, when there is no way or a node is unknown.
  [[nodiscard]] const std::vector<Hop>& route(NodeId from, NodeId to) const;

  [[nodiscard]] bool connected(NodeId from, NodeId to) const;

  /// The host nearest to `node` (ties: the lower id); none without cables.
  [[nodiscard]] std::optional<NodeId> nearest_host(NodeId node) const;

 private:
  struct Way {
    bool found = false;
    std::int64_t price_ps = 0;
    std::vector<Hop> hops;
  };

  [[nodiscard]] const Way& way(NodeId from, NodeId to) const;

  std::vector<std::string> names_;
  std::vector<NodeId> hosts_;
  std::vector<Way> ways_;  ///< [from x to], row = from
};

}  // namespace rigsim::topology
