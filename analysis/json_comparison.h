#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "analysis/comparison.h"

namespace rigsim::analysis {

/// What a document says of the program that made it.
struct Provenance {
  std::string_view version;
  std::string_view commit;
};

/// `{weights, kv_cache, activations, runtime, total}`, bytes.
[[nodiscard]] nlohmann::ordered_json to_json(const workloads::MemoryItems& items);

/// `device`, the items, and `capacity` (null where not known).
[[nodiscard]] nlohmann::ordered_json to_json(const MemoryUse& use);

/// `power_w`, `street_price_usd_2025`, `launch_price_usd`, each as a figure, or null.
[[nodiscard]] nlohmann::ordered_json to_json(const DatasheetFacts& facts);

/// `{change, ...}` with the change's number or name, and `text` for people.
[[nodiscard]] nlohmann::ordered_json to_json(const workloads::FitChange& change);

/// One rig: `name`, `fits`, the figures (null where the rig does not fit), `memory_bytes[]`,
/// `time_share` and `prefill_time_share` (fractions that sum to 1), `critical_path_s`, `power_w`,
/// `street_price_usd_2025`, `launch_price_usd`, `plan`, `devices[]`, and `changes[]` where it does
/// not fit.
[[nodiscard]] nlohmann::ordered_json to_json(const RigResult& rig);

/// The whole document: `version`, `commit`, `scenario` (what the rigs have in common), `rigs[]`,
/// `winner` (rig names; null for a tie or nobody), `clear_winner` (whether its band touches no
/// other's), `why`.
[[nodiscard]] nlohmann::ordered_json to_json(const Comparison& comparison,
                                             const Provenance& provenance);
/// Comparisons of the same rigs at several batches: `by_batch`, each with its `batch`.
[[nodiscard]] nlohmann::ordered_json to_json(std::span<const Comparison> comparisons,
                                             const Provenance& provenance);

}  // namespace rigsim::analysis
