#pragma once

#include <optional>
#include <string>
#include <variant>

#include "workloads/deployment_builder.h"
#include "workloads/resource_scale.h"

namespace rigsim::workloads {

/// NVLink bridges on neighbouring devices (topology::with_nvlink_bridges).
struct NvlinkBridges {};

/// Peer access over PCIe as the driver gives or refuses it.
struct PciePeerAccess {
  bool permitted = true;
};

/// Another PCIe generation, or another width of the devices' slots.
struct PcieChange {
  std::optional<int> generation;
  std::optional<int> lanes;
};

/// One thing that is different about the machine.
struct MachineChange {
  std::string text;   ///< as it is said: "pcie=5"
  std::string title;  ///< for people: "PCIe 5"
  std::variant<NvlinkBridges, PciePeerAccess, PcieChange, ResourceScale> change;
};

/// `request` on the changed machine. Throws std::invalid_argument where there is nothing to change.
[[nodiscard]] DeploymentRequest changed(DeploymentRequest request, const MachineChange& change);

}  // namespace rigsim::workloads
