#pragma once

#include <string_view>

#include "topology/rig.h"

namespace rigsim::configs {

class Catalog;

constexpr int kMostInAMachine = 1024;  ///< devices
constexpr int kMostDevices = 65'536;   ///< of a rig, over all its machines

/// The rig that a name stands for: a ready-made one of the catalogue, or
/// `[M x][N x]device[-nvlink|-pcie][-p2p|-nop2p][-x16|-x8|-x4|-x2|-x1][@LIMIT]` for any device of
/// it: "2x4090", "4x3090-nvlink", "8xh100-sxm", "2x 4090", "a6000", "4x3090@230W". Case and
/// punctuation do not matter.
/// - M: machines of N, joined by a fat tree with a NIC per device (topology/cluster.h). More than
///   eight devices of a kind that stands on boards of eight (SXM, OAM) are machines of eight.
/// - p2p, nop2p: whether devices copy directly over PCIe, whatever their stock driver permits.
/// - x8: lanes of each device's slot.
/// - the limit: each device's power limit, at most 1.5 times its TDP.
/// The rig is called as `name` says. Throws std::invalid_argument: unknown device (with the nearest
/// ones), a count out of range, part of a board, a limit that is no power, a link or lanes that the
/// device does not have.
[[nodiscard]] topology::Rig named_rig(std::string_view name, const Catalog& catalog);

/// Throws std::invalid_argument unless `limit` is at most 1.5 times the device's TDP.
void check_power_limit(const topology::Device& device, sim::Watts limit);

}  // namespace rigsim::configs
