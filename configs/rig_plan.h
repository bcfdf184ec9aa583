#pragma once

#include <optional>

#include "configs/yaml_reader.h"
#include "topology/cluster.h"
#include "topology/pcie_plan.h"
#include "topology/rig.h"

namespace rigsim::configs {

/// The short form of a rig's wiring, for usual servers.
struct RigPlan {
  topology::PciePlan pcie;
  std::optional<bool> peer_access;  ///< over PCIe; none: as the stock driver permits
  std::uint32_t machines = 1;
  topology::NetworkPlan network;
};

/// Whether one of the keys of the short form stands there.
[[nodiscard]] bool has_rig_plan(const ObjectReader& entry);

/// Reads the short form; every key may be missing:
/// - `sockets: 2` and `socket_link: amd-turin` (or a link of its own, as below);
/// - `root_complexes: [{name: q0, socket: 0, memory: 73 GB/s}]`, root ports with a shared way to
///   host memory;
/// - `switches: [{name: sw0, devices: [gpu0, gpu1], uplink: pcie5x16, at: q0}]`, PCIe switches,
/// each
///   after the one it hangs at; a link is a name or `{type: pcie5x16, bandwidth: 54 GB/s, latency:
///   300 ns}`, where the type is the rest's default;
/// - `chips: [{switches: [sw0, sw1], bandwidth: 216 GB/s, latency: 5 ns}]`, switches that are parts
///   of one chip;
/// - `p2p: default | all | none`;
/// - `machines: 64` and `network: {topology: fat-tree | rail-optimized, nic: 400 Gbit/s, nics: 8,
///   latency: 2 us, radix: 64, oversubscription: 2}`.
/// `rig` has its devices and their names. Throws ConfigError with the place.
[[nodiscard]] RigPlan read_rig_plan(ObjectReader& entry, const topology::Rig& rig);

}  // namespace rigsim::configs
