#include "analysis/link_effect.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <stdexcept>
#include <utility>

#include "analysis/comparison.h"
#include "analysis/prediction.h"
#include "configs/collective_profile.h"
#include "configs/engine_file.h"
#include "configs/plan_text.h"
#include "workloads/default_plan.h"
#include "workloads/deployment_builder.h"
#include "workloads/single_stream.h"

namespace rigsim::analysis {
namespace {

using configs::LinkArm;
using configs::LinkEffect;
using configs::MeasuredPhase;

constexpr double kNoChange = 0.05;
constexpr double kClose = 0.10;

bool is_prefill(const LinkEffect& effect) { return effect.phase == MeasuredPhase::kPrefill; }

workloads::SingleStream work_of(const LinkEffect& effect) {
  workloads::SingleStream work;
  work.prompt_tokens = is_prefill(effect) ? effect.prompt_tokens : 0;
  work.output_tokens = is_prefill(effect) ? 0 : effect.output_tokens;
  work.context_tokens = effect.context_depth;
  work.batch = effect.batch;
  return work;
}

PredictedArm predict_arm(const LinkEffect& effect, const LinkArm& arm,
                         const configs::Catalog& catalog) {
  workloads::DeploymentRequest request;
  request.model = catalog.model(effect.model);
  request.weights = catalog.weights_format(effect.weights);
  request.engine = configs::engine_named(effect.engine).profile;
  request.rig = configs::link_rig(arm.rig, catalog);
  const workloads::SingleStream work = work_of(effect);
  request.batch = effect.batch;
  request.context = effect.context_depth + work.prompt_tokens + work.output_tokens;
  request.collectives = configs::collective_profile();
  request.plan =
      arm.plan.empty() ? workloads::default_plan(request) : configs::parse_plan(arm.plan);
  const auto result = workloads::run_single_stream(workloads::deploy(request), work);
  const auto& phase = is_prefill(effect) ? result.prefill : result.decode;
  return {phase.tokens_per_s(), phase.critical_path.link_s / sim::to_seconds(phase.duration)};
}

std::vector<RowSplitSummary> summaries(const ValidationReport& report) {
  std::map<std::pair<std::string, std::string>, std::vector<ErrorSample>> samples;
  for (const ValidationRow& row : report.rows) {
    const ErrorSample sample{row.error, row.predicted.holds(row.row.tokens_per_s),
                             row.predicted.relative_half_width()};
    const std::string phase(to_string(row.row.phase));
    samples[{phase, "all"}].push_back(sample);
    samples[{phase, row.row.rig}].push_back(sample);
  }
  std::vector<RowSplitSummary> out;
  for (const auto& [key, members] : samples)
    out.push_back({key.second, key.first, summarise(members)});
  return out;
}

}  // namespace

bool PredictedEffect::sign_right() const {
  const double measured = effect.measured_ratio() - 1;
  const double predicted = ratio() - 1;
  const bool neither = std::abs(measured) <= kNoChange && std::abs(predicted) <= kNoChange;
  return neither || measured * predicted > 0;
}

bool PredictedEffect::within_ten_points() const {
  return std::abs(ratio() - effect.measured_ratio()) <= kClose;
}

PredictedEffect predict_effect(const LinkEffect& effect, const configs::Catalog& catalog) try {
  return {effect, predict_arm(effect, effect.a, catalog), predict_arm(effect, effect.b, catalog)};
} catch (const std::invalid_argument& error) {
  throw std::invalid_argument(fmt::format("{}: {}", effect.id, error.what()));
}

LinkReport link_report(std::span<const LinkEffect> effects,
                       std::span<const configs::MeasuredRow> row_split,
                       const configs::Catalog& catalog) {
  LinkReport report;
  for (const LinkEffect& effect : effects) {
    if (effect.scored()) {
      report.effects.push_back(predict_effect(effect, catalog));
    } else {
      report.excluded.push_back(effect);
    }
  }
  const RowPredictor predictor(catalog, row_split, DeviceKnowledge::kAsShipped);
  report.row_split = validate(row_split, predictor);
  report.by_rig = summaries(report.row_split);
  return report;
}

}  // namespace rigsim::analysis
