#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "analysis/capacity.h"
#include "analysis/comparison.h"
#include "workloads/parallel_plan.h"

namespace rigsim::analysis {

/// One rig and plan with what it serves; nothing where the model does not fit.
struct CapacityRow {
  std::string rig{};
  workloads::ParallelPlan plan{};
  DatasheetFacts datasheet{};
  std::optional<Capacity> capacity{};
  std::string settings{};  ///< what a search chose beside the plan
  int searched = 0;        ///< setups that it tried; 0: none
};

/// The cheapest row, by the middle of its price, whose capacity less what chance does is at least
/// `requests_per_s`; none where none is, or no such row has a price.
[[nodiscard]] std::optional<std::size_t> cheapest_that_serves(std::span<const CapacityRow> rows,
                                                              double requests_per_s);

/// `rig`, `plan`, `settings`, `searched`, `fits`, `requests_per_s` {value, low, high, evidence},
/// `chance`, `open`, `monotone`, `lasts`, `turned_away_fraction`, `loads_tried`, `limits[]` and
/// `above[]` (name, value, limit, kept), `output_tokens_per_s`, `mean_batch`, `busy_fraction`,
/// `kv_used_fraction`, `power_w` and prices as of a comparison.
[[nodiscard]] nlohmann::ordered_json to_json(const CapacityRow& row);

}  // namespace rigsim::analysis
