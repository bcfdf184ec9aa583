#pragma once

#include "topology/rig.h"

namespace rigsim::topology {

/// Whether a rig can be simulated. Throws std::invalid_argument naming the node, cable or device
/// and what is allowed: every device is one node and the other way round; names are unique; cables
/// join two known, different nodes with finite bandwidth > 0 and latency >= 0, at most one cable of
/// a type per pair, ends that suit its kind (CableKind), both in one machine except network
/// cables; PCIe cables form a tree; every NIC has a PCIe cable; where there are cables,
/// every device reaches a host by itself or through switches; peer access names two known,
/// different devices; power limits are > 0.
void validate(const Rig& rig);

}  // namespace rigsim::topology
