#pragma once

#include <string>
#include <vector>

#include "topology/pcie_plan.h"
#include "topology/rig.h"

namespace rigsim::topology {

/// Which cables join the devices of a rig beyond the host's PCIe.
enum class LinkChoice {
  kDefault,  ///< what comes with the board: NVSwitch and xGMI yes, an NVLink bridge (bought apart)
             ///< no
  kPcie,     ///< PCIe alone
  kNvlink    ///< NVLink: a bridge per pair, or what comes with the board
};

/// What somebody says who names a rig: devices in slot order, how they are joined, and the host.
struct RigRequest {
  std::string name;
  std::vector<InstalledDevice>
      devices;  ///< an empty InstalledDevice::name becomes "gpu0", "gpu1", ... or "cpu0"
  LinkChoice link = LinkChoice::kDefault;
  Host host;
  PciePlan pcie = {};  ///< one socket with all devices on it, unless it says more
};

/// Wires one machine: every PCIe device by its own link (the device's own generation and lanes)
/// where the PCIe plan puts it, bridges on pairs 0-1, 2-3, ..., one NVSwitch for all devices that
/// need one, an xGMI mesh, a mesh of NVLink (up to four V100 with two links between any two, up to
/// eight in a DGX-1's two quads). Devices off PCIe (an Apple SoC, a CPU) have no cables. Peer
/// access: always over NVLink and xGMI, over PCIe where both devices' stock driver allows it
/// (Device::pcie_p2p). Bandwidths and latencies: link_rates.h. Throws std::invalid_argument when
/// the wish cannot be wired: no devices, more than eight on one board, NVLink
/// asked of a device without it, a bridge with nothing at its other end, several devices off PCIe,
/// a PCIe plan that does not fit the devices; the message says which device and why.
[[nodiscard]] Rig build_rig(const RigRequest& request);

}  // namespace rigsim::topology
