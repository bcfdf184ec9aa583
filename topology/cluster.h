#pragma once

#include <cstdint>
#include <optional>

#include "topology/rig.h"

namespace rigsim::topology {

/// Which switch a NIC is plugged into.
enum class NetworkShape {
  kFatTree,       ///< NICs machine by machine, leaf by leaf
  kRailOptimized  ///< the NICs of one rank of a group of machines on one leaf
};

/// The network between machines of one kind. A level of switches is one vertex with all its uplinks
/// in one cable: traffic is spread over parallel switches perfectly (adaptive routing), collisions
/// of hashed flows do not show.
struct NetworkPlan {
  NetworkShape shape = NetworkShape::kFatTree;
  std::optional<sim::Bandwidth> nic = {};  ///< line rate per direction; none: by PCIe generation
  std::optional<std::uint32_t> nics = {};  ///< per machine; none: one per device
  std::optional<sim::Duration> latency =
      {};                       ///< NIC to NIC through one switch; none: network_cable()'s
  std::uint32_t radix = 64;     ///< ports of a switch
  double oversubscription = 1;  ///< of a leaf: what goes in below to what leaves above
};

/// `machines` of `machine`, "m0.gpu0" onwards, joined by a network: NIC i is plugged in where its
/// device is (device i, or its share where there are fewer NICs), by the PCIe of that device; one
/// leaf where it has ports enough, leaves and a spine up to `radix` leaves, pods of radix / 2
/// leaves below a core beyond. Peer access stays inside machines. Throws std::invalid_argument: no
/// machines, a machine without PCIe devices or with a network already, more NICs than devices,
/// impossible rates, a radix below 2, more NICs than three levels of switches join.
[[nodiscard]] Rig build_cluster(const Rig& machine, std::uint32_t machines,
                                const NetworkPlan& plan = {});

}  // namespace rigsim::topology
