#pragma once

#include <nlohmann/json_fwd.hpp>

#include "analysis/rig_view.h"

namespace rigsim::analysis {

/// `name`, `devices[]` (`name`, `device`, `machine`), `nodes[]` (`name`, `kind`, `machine`),
/// `links[]` (`a`, `b`, `type`, `kind`, `bandwidth_bytes_per_s` per direction, `latency_s`), and
/// `pairs[]` of the devices that `view` shows (`from`, `to`, `path`, `staged`,
/// `bandwidth_bytes_per_s`, `latency_s`, `via[]`); `pairs_complete` says whether these are all.
[[nodiscard]] nlohmann::ordered_json to_json(const topology::Rig& rig, const RigView& view);

}  // namespace rigsim::analysis
