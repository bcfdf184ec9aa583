#include "analysis/json_crossover.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "configs/plan_text.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<std::int64_t>& batch) { return batch ? Json(*batch) : Json(); }

Json ridge_json(const RidgeBatch& ridge) {
  return {{"value", or_null(ridge.value)},
          {"low", or_null(ridge.low)},
          {"high", or_null(ridge.high)},
          {"evidence", workloads::to_string(ridge.evidence)}};
}

Json analytic_json(const AnalyticRidge& ridge) {
  return {{"device", ridge.device},
          {"ridge_batch", ridge.batch},
          {"peak_flops", ridge.peak_flops},
          {"numbers", ridge.numbers},
          {"bytes_per_weight", ridge.bytes_per_weight},
          {"bandwidth_bytes_per_s", ridge.bandwidth_bytes_per_s}};
}

Json step_json(const StepAtBatch& step, std::int64_t largest) {
  Json json = {{"batch", step.batch},
               {"fits", step.batch <= largest},
               {"step_s", step.step_s},
               {"decode_tokens_per_s", static_cast<double>(step.batch) / step.step_s},
               {"bound", to_string(step.bound())}};
  for (const StepBound bound : kStepBounds)
    json[fmt::format("{}_s", to_string(bound))] = step.of(bound);
  json["evidence"] = workloads::to_string(step.evidence);
  return json;
}

}  // namespace

Json to_json(const Crossover& row) {
  const std::int64_t largest = row.largest_batch.value_or(0);
  Json json = {
      {"rig", row.rig},
      {"model", row.model},
      {"weights", row.weights},
      {"engine", row.engine},
      {"plan", configs::to_text(row.plan)},
      {"context", row.context},
      {"largest_batch", largest},
      {"passes", row.passes},
      {"ridge_batch", ridge_json(row.ridge)},
      {"analytic_ridge_batch", row.analytic.empty() ? Json() : Json(row.analytic.front().batch)},
      {"analytic", Json::array()},
      {"bound_by_batch", Json::array()}};
  for (const AnalyticRidge& ridge : row.analytic) json["analytic"].push_back(analytic_json(ridge));
  for (const StepAtBatch& step : row.steps)
    json["bound_by_batch"].push_back(step_json(step, largest));
  return json;
}

}  // namespace rigsim::analysis
