#pragma once

#include <optional>

#include "topology/rig.h"

namespace rigsim::topology {

/// A rig with one thing changed about its wiring, to ask what it would do.
///
/// All throw std::invalid_argument, naming the rig, where there is nothing to change: one device,
/// no PCIe, nobody to pair.

/// Peer access between all devices of a machine, as a driver that permits it gives, or none over
/// PCIe: pairs that NVLink, xGMI or C2C joins keep theirs.
[[nodiscard]] Rig with_pcie_peer_access(Rig rig, bool permitted);

/// PCIe of another generation (everywhere) or width (of the devices' slots; uplinks of switches
/// keep theirs): a cable's own bandwidth and latency change as pcie_link() does. What is not given
/// stays. A device's copies staged through the host follow its slot, but for their fixed cost: that
/// is the host's, not the generation's. Throws also as pcie_link().
[[nodiscard]] Rig with_pcie(Rig rig, std::optional<int> generation, std::optional<int> lanes);

/// An NVLink bridge on each pair of neighbours 0-1, 2-3, ... of one type that nothing but PCIe
/// joins. Devices without NVLink get the bridge of an RTX A6000 (NVLink 3, 4 links), which nobody
/// sells: a "what if".
[[nodiscard]] Rig with_nvlink_bridges(Rig rig);

}  // namespace rigsim::topology
