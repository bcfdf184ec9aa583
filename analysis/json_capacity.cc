#include "analysis/json_capacity.h"

#include <nlohmann/json.hpp>

#include "analysis/figure.h"
#include "analysis/json_comparison.h"
#include "configs/plan_text.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json limits_json(const std::vector<LimitAtLoad>& limits) {
  Json json = Json::array();
  for (const LimitAtLoad& each : limits) {
    json.push_back(
        {{"name", each.name}, {"value", each.value}, {"limit", each.limit}, {"kept", each.kept}});
  }
  return json;
}

std::optional<double> price(const CapacityRow& row) {
  const DatasheetFacts& facts = row.datasheet;
  if (!facts.street_price_low || !facts.street_price_high) return std::nullopt;
  return (*facts.street_price_low + *facts.street_price_high) / 2;
}

}  // namespace

std::optional<std::size_t> cheapest_that_serves(std::span<const CapacityRow> rows,
                                                double requests_per_s) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& capacity = rows[i].capacity;
    if (!capacity || !price(rows[i])) continue;
    if (capacity->requests_per_s - capacity->chance.value_or(0) < requests_per_s) continue;
    if (!best || *price(rows[i]) < *price(rows[*best])) best = i;
  }
  return best;
}

Json to_json(const CapacityRow& row) {
  Json json = {{"rig", row.rig},
               {"plan", configs::to_text(row.plan)},
               {"settings", row.settings},
               {"searched", row.searched},
               {"fits", row.capacity.has_value()}};
  if (row.capacity) {
    const Capacity& capacity = *row.capacity;
    json["requests_per_s"] =
        figure_json({capacity.requests_per_s, capacity.low, capacity.high, capacity.evidence, {}});
    json["chance"] = capacity.chance ? Json(*capacity.chance) : Json();
    json["open"] = capacity.open;
    json["monotone"] = capacity.monotone;
    json["lasts"] = capacity.lasts;
    json["turned_away_fraction"] = capacity.turned_away;
    json["loads_tried"] = capacity.runs;
    json["limits"] = limits_json(capacity.limits);
    json["above"] = limits_json(capacity.above);
    json["output_tokens_per_s"] = capacity.metrics.output_tokens_per_s;
    json["mean_batch"] = capacity.metrics.mean_batch;
    json["busy_fraction"] = capacity.metrics.busy_fraction;
    json["kv_used_fraction"] = capacity.metrics.kv_used_fraction;
  }
  json.update(to_json(row.datasheet));
  return json;
}

}  // namespace rigsim::analysis
