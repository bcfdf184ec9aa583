#include "analysis/json_fit.h"

#include <nlohmann/json.hpp>

#include "analysis/json_comparison.h"
#include "configs/plan_text.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<std::int64_t>& number) { return number ? Json(*number) : Json(); }

Json context_json(const ContextFit& fit) {
  Json json = {{"context", fit.context}, {"fits", fit.fits}, {"memory_bytes", Json::array()}};
  for (const MemoryUse& use : fit.memory) json["memory_bytes"].push_back(to_json(use));
  return json;
}

Json format_json(const FormatFit& fit) {
  Json json = {{"weights", fit.weights.name},
               {"weight_bytes", fit.weight_bytes.count()},
               {"bits_per_weight", fit.bits_per_weight},
               {"fits", fit.contexts.front().fits},
               {"largest_context", or_null(fit.largest_context)},
               {"largest_batch", or_null(fit.largest_batch)},
               {"contexts", Json::array()}};
  for (const ContextFit& context : fit.contexts) json["contexts"].push_back(context_json(context));
  for (const auto& change : fit.changes) json["changes"].push_back(to_json(change));
  return json;
}

}  // namespace

Json to_json(const RigFit& fit) {
  Json json = {{"rig", fit.rig},
               {"model", fit.model},
               {"engine", fit.engine},
               {"batch", fit.batch},
               {"plan", configs::to_text(fit.plan)},
               {"fits", fit.any_fits()},
               {"formats", Json::array()}};
  for (const FormatFit& format : fit.formats) json["formats"].push_back(format_json(format));
  return json;
}

Json to_json(const RigThatHolds& rig) {
  Json json = {{"name", rig.rig},
               {"weights", rig.weights.name},
               {"free_bytes", rig.free.count()},
               {"largest_context", or_null(rig.largest_context)}};
  json.update(to_json(rig.datasheet));
  return json;
}

}  // namespace rigsim::analysis
