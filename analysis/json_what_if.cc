#include "analysis/json_what_if.h"

#include <nlohmann/json.hpp>

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;

void put(Json& json, const std::string& phase, const std::optional<PhaseEffect>& effect) {
  json[phase + "_tokens_per_s"] = effect ? figure_json(effect->tokens_per_s) : Json();
  json[phase + "_gain"] = effect ? figure_json(effect->gain) : Json();
}

Json change_json(const ChangeResult& change) {
  Json json = {{"change", change.text},
               {"title", change.title},
               {"refused", change.refused.empty() ? Json() : Json(change.refused)}};
  put(json, "decode", change.decode);
  put(json, "prefill", change.prefill);
  return json;
}

Json elasticity_json(const std::optional<Elasticity>& elasticity) {
  if (!elasticity) return {};
  return {{"path", elasticity->path ? Json(*elasticity->path) : Json()},
          {"rerun", elasticity->rerun}};
}

}  // namespace

Json to_json(const WhatIf& answer, const Provenance& provenance) {
  Json json = {{"version", provenance.version},
               {"commit", provenance.commit},
               {"base", to_json(answer.base)},
               {"changes", Json::array()},
               {"sensitivity", Json::array()}};
  for (const ChangeResult& change : answer.changes) json["changes"].push_back(change_json(change));
  for (const Sensitivity& row : answer.sensitivities)
    json["sensitivity"].push_back({{"resource", row.resource},
                                   {"decode", elasticity_json(row.decode)},
                                   {"prefill", elasticity_json(row.prefill)}});
  return json;
}

}  // namespace rigsim::analysis
