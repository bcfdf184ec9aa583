#pragma once

#include <optional>
#include <stdexcept>

#include "topology/rig.h"

namespace rigsim::topology {

/// Names the rig and what it lacks: a second device, PCIe, somebody to pair.
class NothingToChange : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The same, where devices that NVLink, xGMI or C2C join, by a cable or by switches, may copy to
/// each other: with such links the driver always permits it.
[[nodiscard]] Rig with_joined_peer_access(Rig rig);

/// A rig with one thing changed about its wiring, to ask what it would do. All throw
/// NothingToChange.

/// Peer access between all devices of a machine, as a driver that permits it gives, or none over
/// PCIe: pairs that NVLink, xGMI or C2C joins keep theirs.
[[nodiscard]] Rig with_pcie_peer_access(Rig rig, bool permitted);

/// PCIe of another generation (everywhere) or width (of the devices' slots; uplinks of switches
/// keep theirs): a cable's own bandwidth and latency change as pcie_link() does. What is not given
/// stays. A device's copies staged through the host follow its slot, but for their fixed cost: that
/// is the host's, not the generation's. Throws also as pcie_link().
[[nodiscard]] Rig with_pcie(Rig rig, std::optional<int> generation, std::optional<int> lanes);

/// An NVLink bridge on each pair of neighbours 0-1, 2-3, ... of a machine, of one type, that
/// nothing but PCIe joins. Devices without NVLink get the bridge of an RTX A6000 (NVLink 3, 4
/// links), which nobody sells: a "what if".
[[nodiscard]] Rig with_nvlink_bridges(Rig rig);

}  // namespace rigsim::topology
