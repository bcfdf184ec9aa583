#pragma once

#include <nlohmann/json_fwd.hpp>

#include "analysis/crossover.h"

namespace rigsim::analysis {

/// One row: `rig`, `model`, `weights`, `engine`, `plan`, `context`, `largest_batch` (0: does not
/// fit), `passes` (that share the batch out), `ridge_batch` {value, low, high (null: beyond those
/// looked at), evidence},
/// `analytic_ridge_batch` (of the device with the lowest), `analytic[]` with its terms, and
/// `bound_by_batch[]`: batch, fits, step_s, decode_tokens_per_s, bound, and the seconds of each
/// cause (`weights_s`, ...).
[[nodiscard]] nlohmann::ordered_json to_json(const Crossover& row);

}  // namespace rigsim::analysis
