#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "sim/units.h"

namespace rigsim::topology {

/// One cable on a device's or NIC's way up to its host.
struct ClimbStep {
  std::size_t below = 0;  ///< the node that the cable comes from: in a tree it names the cable
  std::size_t node = 0;   ///< and goes to
  sim::Bandwidth cable{};
  sim::Bandwidth nccl{};  ///< NCCL's planning value of it, of a device's way
};

using Climb = std::vector<ClimbStep>;

/// A network cable of a machine and the slot that its NIC sits in.
struct NicPort {
  sim::Bandwidth network{};
  Climb climb;
};

/// What the ranks of one machine send to, and at once receive from, the others: each over a NIC of
/// its own as long as there are some, the pair with the widest way first, of two alike the one with
/// fewer cables between. A way has the rate of its narrowest cable, and ways share the cables that
/// they have in common. `socket`: the slowest joint between the machine's CPUs.
[[nodiscard]] sim::Bandwidth nic_reach(std::span<const Climb* const> ranks,
                                       std::span<const NicPort> nics,
                                       std::optional<sim::Bandwidth> socket);

}  // namespace rigsim::topology
