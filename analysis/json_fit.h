#pragma once

#include <nlohmann/json_fwd.hpp>

#include "analysis/fit.h"

namespace rigsim::analysis {

/// `rig`, `model`, `engine`, `batch`, `plan`, `fits`, and `formats[]`: `weights`, `weight_bytes`,
/// `bits_per_weight`, `fits`, `largest_context`, `largest_batch`, `contexts[]` with
/// `memory_bytes[]` per device, and `changes[]` where nothing fits.
[[nodiscard]] nlohmann::ordered_json to_json(const RigFit& fit);

/// `name`, `weights`, `free_bytes`, `largest_context`, power and prices.
[[nodiscard]] nlohmann::ordered_json to_json(const RigThatHolds& rig);

}  // namespace rigsim::analysis
