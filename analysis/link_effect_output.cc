#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "analysis/link_effect.h"

namespace rigsim::analysis {
namespace {

using configs::LinkArm;
using configs::LinkEffect;
using nlohmann::ordered_json;

struct Counts {
  std::size_t scored = 0;
  std::size_t sign_right = 0;
  std::size_t within_ten_points = 0;
};

Counts counts_of(const LinkReport& report) {
  Counts counts;
  counts.scored = report.effects.size();
  for (const PredictedEffect& effect : report.effects) {
    counts.sign_right += effect.sign_right() ? 1U : 0U;
    counts.within_ten_points += effect.within_ten_points() ? 1U : 0U;
  }
  return counts;
}

ordered_json arm_json(const LinkArm& arm) {
  return {{"rig", arm.rig},
          {"plan", arm.plan},
          {"measured", arm.measured > 0 ? ordered_json(arm.measured) : ordered_json()}};
}

ordered_json identity(const LinkEffect& effect) {
  return {{"id", effect.id},
          {"change", effect.change},
          {"mechanism", effect.mechanism},
          {"model", effect.model},
          {"weights", effect.weights},
          {"engine", effect.engine},
          {"phase", to_string(effect.phase)},
          {"prompt_tokens", effect.prompt_tokens},
          {"output_tokens", effect.output_tokens},
          {"context_depth", effect.context_depth},
          {"batch", effect.batch},
          {"a", arm_json(effect.a)},
          {"b", arm_json(effect.b)},
          {"unit", effect.unit}};
}

void add_source(ordered_json& out, const LinkEffect& effect) {
  out["source"] = effect.source;
  out["source_place"] = effect.source_place;
  if (!effect.note.empty()) out["note"] = effect.note;
}

void add_prediction(ordered_json& arm, const PredictedArm& predicted) {
  arm["predicted_tokens_per_s"] = predicted.tokens_per_s;
  arm["link_share"] = predicted.link_share;
}

ordered_json effect_json(const PredictedEffect& predicted) {
  ordered_json out = identity(predicted.effect);
  add_prediction(out["a"], predicted.a);
  add_prediction(out["b"], predicted.b);
  out["measured_ratio"] = predicted.effect.measured_ratio();
  out["predicted_ratio"] = predicted.ratio();
  out["sign_right"] = predicted.sign_right();
  out["within_ten_points"] = predicted.within_ten_points();
  add_source(out, predicted.effect);
  return out;
}

ordered_json excluded_json(const LinkEffect& effect) {
  ordered_json out = identity(effect);
  out["reason"] = effect.exclusion;
  add_source(out, effect);
  return out;
}

ordered_json row_split_json(const LinkReport& report) {
  ordered_json out = {{"summary", ordered_json::array()}};
  for (const RowSplitSummary& entry : report.by_rig) {
    out["summary"].push_back({{"rig", entry.rig},
                              {"phase", entry.phase},
                              {"rows", entry.statistics.count},
                              {"median", entry.statistics.median},
                              {"p90", entry.statistics.p90},
                              {"worst", entry.statistics.worst},
                              {"bias", entry.statistics.bias}});
  }
  ordered_json rows = validation_json(report.row_split);
  out["rows"] = rows["rows"];
  out["excluded"] = rows["excluded"];
  return out;
}

std::string percent(double ratio) { return fmt::format("{:+.1f}", 100 * (ratio - 1)); }

void write_effect(std::string& out, const PredictedEffect& predicted) {
  const LinkEffect& effect = predicted.effect;
  fmt::format_to(std::back_inserter(out),
                 "{:<36} {:>9.5g} {:>9.5g} {:>7} {:>9.5g} {:>9.5g} {:>7} {:>5.1f} {:>5.1f} {}{}\n",
                 effect.id, effect.a.measured, effect.b.measured, percent(effect.measured_ratio()),
                 predicted.a.tokens_per_s, predicted.b.tokens_per_s, percent(predicted.ratio()),
                 100 * predicted.a.link_share, 100 * predicted.b.link_share,
                 predicted.sign_right() ? ' ' : 'S', predicted.within_ten_points() ? ' ' : '!');
}

void write_row_split(std::string& out, const LinkReport& report) {
  fmt::format_to(std::back_inserter(out),
                 "\nllama.cpp's row split, tokens/s, errors in %:\n{:<16} {:<8} {:>5} {:>7} {:>7} "
                 "{:>7} {:>7}\n",
                 "rig", "phase", "rows", "median", "p90", "worst", "bias");
  for (const RowSplitSummary& entry : report.by_rig) {
    const ErrorStatistics& s = entry.statistics;
    fmt::format_to(std::back_inserter(out),
                   "{:<16} {:<8} {:>5} {:>7.1f} {:>7.1f} {:>7.1f} {:>+7.1f}\n", entry.rig,
                   entry.phase, s.count, 100 * s.median, 100 * s.p90, 100 * s.worst, 100 * s.bias);
  }
}

}  // namespace

ordered_json link_report_json(const LinkReport& report) {
  const Counts counts = counts_of(report);
  ordered_json out = {{"comparisons", ordered_json::array()},
                      {"excluded", ordered_json::array()},
                      {"summary",
                       {{"scored", counts.scored},
                        {"sign_right", counts.sign_right},
                        {"within_ten_points", counts.within_ten_points}}}};
  for (const PredictedEffect& effect : report.effects)
    out["comparisons"].push_back(effect_json(effect));
  for (const LinkEffect& effect : report.excluded) out["excluded"].push_back(excluded_json(effect));
  out["row_split"] = row_split_json(report);
  return out;
}

std::string link_report_table(const LinkReport& report) {
  std::string out = fmt::format(
      "What a link does to a model: the change from a to b in %, measured and predicted, and the\n"
      "share of time on links. S: the sign is wrong; !: more than 10 points off.\n\n"
      "{:<36} {:>9} {:>9} {:>7} {:>9} {:>9} {:>7} {:>5} {:>5}\n",
      "comparison", "meas. a", "meas. b", "change", "pred. a", "pred. b", "change", "link a", "b");
  for (const PredictedEffect& effect : report.effects) write_effect(out, effect);
  const Counts counts = counts_of(report);
  fmt::format_to(std::back_inserter(out),
                 "\n{} comparisons: sign right in {}, within 10 points in {}.\n", counts.scored,
                 counts.sign_right, counts.within_ten_points);
  if (!report.excluded.empty()) {
    fmt::format_to(std::back_inserter(out), "\nNot scored ({}):\n", report.excluded.size());
    for (const LinkEffect& effect : report.excluded)
      fmt::format_to(std::back_inserter(out), "  {}: {}\n", effect.id, effect.exclusion);
  }
  write_row_split(out, report);
  return out;
}

}  // namespace rigsim::analysis
