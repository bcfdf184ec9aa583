#pragma once

#include <string_view>

#include "topology/rig.h"

namespace rigsim::configs {

class Catalog;

/// The rig that a name stands for: a ready-made one of the catalogue, or
/// `[N x]device[-nvlink|-pcie][@LIMIT]` for any device of it: "2x4090", "4x3090-nvlink",
/// "8xh100-sxm", "2x 4090", "a6000", "4x3090@230W". Case and punctuation do not matter. The limit
/// is each device's power limit, at most 1.5 times its TDP. The rig is called as `name` says.
/// Throws std::invalid_argument: unknown device (with the nearest ones), a count that is not 1 to
/// 1024, a limit that is no power, a link that the device does not have.
[[nodiscard]] topology::Rig named_rig(std::string_view name, const Catalog& catalog);

/// Throws std::invalid_argument unless `limit` is at most 1.5 times the device's TDP.
void check_power_limit(const topology::Device& device, sim::Watts limit);

}  // namespace rigsim::configs
