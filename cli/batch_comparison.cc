#include "cli/batch_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "analysis/json_comparison.h"
#include "cli/build_info.h"
#include "cli/comparison_table.h"
#include "cli/evaluation.h"
#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::Comparison;
using analysis::RigResult;
using configs::Scenario;

/// [batches x rigs], one after the other, under names of their own.
std::vector<Scenario> scenarios_of(const ParsedOptions& options, const ScenarioOptions& given,
                                   const std::vector<topology::Rig>& rigs) {
  std::vector<std::vector<Scenario>> by_rig;
  for (const topology::Rig& rig : rigs) by_rig.push_back(on_rig_by_batch(options, given, rig));
  std::vector<Scenario> all;
  for (std::size_t b = 0; b < given.batches.size(); ++b) {
    for (std::vector<Scenario>& rig : by_rig) {
      rig[b].rig.name += fmt::format(" batch {}", given.batches[b]);
      all.push_back(std::move(rig[b]));
    }
  }
  return all;
}

/// One comparison for each batch, the rigs under their own names again.
std::vector<Comparison> comparisons(std::vector<RigResult> results,
                                    const std::vector<topology::Rig>& rigs) {
  std::vector<Comparison> all;
  for (std::size_t first = 0; first < results.size(); first += rigs.size()) {
    std::vector<RigResult> batch;
    for (std::size_t i = 0; i < rigs.size(); ++i) {
      RigResult& result = results[first + i];
      result.name = rigs[i].name;
      result.request.rig.name = rigs[i].name;
      batch.push_back(std::move(result));
    }
    all.push_back(analysis::compare(std::move(batch)));
  }
  return all;
}

std::string percent(const std::optional<analysis::Figure>& figure) {
  return figure ? fmt::format("{:.1f}", figure->value * 100) : "-";
}

std::string rate(const RigResult& rig, const analysis::FigureSpec& spec) {
  if (!rig.fits) return "does not fit";
  const auto& figure = (*rig.performance).*spec.member;
  return figure ? figure_text(*figure, spec) : "-";
}

Table batch_table(const std::vector<Comparison>& comparisons) {
  const auto& decode = analysis::figure_specs().front();
  Table table{{{"batch", Align::kRight}}, {}};
  for (const RigResult& rig : comparisons.front().rigs) {
    table.columns.push_back({rig.name + ", tokens/s", Align::kRight});
    table.columns.push_back({"link, %", Align::kRight});
  }
  table.columns.push_back({"best"});
  for (const Comparison& comparison : comparisons) {
    std::vector<std::string> row = {fmt::format("{}", comparison.rigs.front().work.batch)};
    for (const RigResult& rig : comparison.rigs) {
      row.push_back(rate(rig, decode));
      row.push_back(rig.fits ? percent(rig.performance->exposed_transfer_fraction) : "-");
    }
    const auto& best = comparison.winners.front();
    row.push_back(
        best.rig ? comparison.rigs[*best.rig].name + (best.clear ? "" : " (bands overlap)") : "-");
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string text_of(const std::vector<Comparison>& comparisons, const Console& console) {
  const RigResult& rig = comparisons.front().rigs.front();
  const auto& request = rig.request;
  std::string text = wrapped(fmt::format(
      "{} {} on {} {}: prompt {}, output {}, context {}, KV cache {}", request.model.name,
      request.weights.name, request.engine.name, request.engine.version, rig.work.prompt_tokens,
      rig.work.output_tokens, request.context, info(request.kv_format).name));
  std::string plans;
  for (const RigResult& each : comparisons.front().rigs)
    plans +=
        fmt::format("{}{}: {}", plans.empty() ? "" : "; ", each.name, plan_text(each.request.plan));
  text += '\n' + to_text(batch_table(comparisons), console) + '\n';
  text += wrapped("Plans at the first batch: " + plans + ".");
  text += wrapped(
      "Decode rate of all sequences (90 % band) and its evidence: m measured, f fitted to this "
      "device, d datasheet; link: the share of the decode time that waits for a transfer.");
  return text;
}

}  // namespace

Answer compare_batches(const ParsedOptions& options, const ScenarioOptions& given,
                       const std::vector<topology::Rig>& rigs, const Console& console) {
  const auto all = comparisons(evaluate_each(options, scenarios_of(options, given, rigs),
                                             given.engine.profile, "rigsim compare", console),
                               rigs);
  const bool any = std::any_of(all.begin(), all.end(), [](const Comparison& comparison) {
    return std::any_of(comparison.rigs.begin(), comparison.rigs.end(),
                       [](const RigResult& rig) { return rig.fits; });
  });
  const ExitCode code = any ? ExitCode::kDone : ExitCode::kDoesNotFit;
  if (!options.has("json")) return {text_of(all, console), code};
  const auto document =
      analysis::to_json(std::span(all), {build_info().version, build_info().commit});
  return {document.dump(2) + '\n', code};
}

}  // namespace rigsim::cli
