#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topology/link_rates.h"
#include "topology/rig.h"

namespace rigsim::topology {

/// A group of PCIe root ports, such as a quadrant of an EPYC or Threadripper PRO: devices under it
/// reach each other there, and host memory over a limited way.
struct RootComplexPlan {
  std::string name;
  std::uint32_t socket = 0;
  LinkRate to_memory = root_complex_to_memory();
};

/// A PCIe switch and the devices plugged into it.
struct SwitchPlan {
  std::string name;
  std::vector<std::uint32_t> devices;  ///< indices into Rig::devices
  LinkRate uplink;
  /// The host ("host0"), root complex or switch (listed before) above it; empty: as for devices
  /// without a switch, see PciePlan.
  std::string at;
};

/// Switches that are parts of one chip: copies between them stay on it.
struct ChipPlan {
  std::vector<std::string> switches;  ///< by name
  LinkRate inside;                    ///< between each two of them
};

/// What stands between the devices of one machine and its memory. Devices on no switch hang on the
/// root complexes, or where there are none on the hosts, by their own links; in their order, the
/// first share on the first. Switches that do not say where they hang likewise.
struct PciePlan {
  std::uint32_t sockets = 1;                         ///< hosts "host0", "host1", ...
  LinkRate socket_link = socket_cable("amd-genoa");  ///< between each two of them
  std::vector<RootComplexPlan> root_complexes = {};
  std::vector<SwitchPlan> switches = {};
  std::vector<ChipPlan> chips = {};
};

/// Adds hosts, root complexes, switches and their cables to a rig that has its devices and their
/// nodes only (node i is device i). Throws std::invalid_argument naming the place: no socket, names
/// used twice, a socket, device, upper end or part of a chip that is not there, a device on two
/// switches; as host_cable() for a device whose link is not known.
void wire_pcie(Rig& rig, const PciePlan& plan);

}  // namespace rigsim::topology
