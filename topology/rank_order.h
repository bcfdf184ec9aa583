#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "topology/rig.h"

namespace rigsim::topology {

/// `devices` in an order for rings: machine by machine, within a machine socket by socket and
/// switch by switch (so that a ring crosses every uplink of a PCIe tree once in each direction,
/// which is the least), and where NVLink, xGMI or
/// C2C cables join two devices themselves, such a neighbour comes next. Among equals the given
/// order stays. Hierarchical collectives want it, too: rank order machine by machine. Throws
/// std::invalid_argument for a device that the rig does not have, or has twice in `devices`.
[[nodiscard]] std::vector<std::uint32_t> ring_order(const Rig& rig,
                                                    std::span<const std::uint32_t> devices);

}  // namespace rigsim::topology
