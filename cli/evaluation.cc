#include "cli/evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "analysis/json_comparison.h"
#include "cli/build_info.h"
#include "cli/comparison_table.h"
#include "cli/result_files.h"

namespace rigsim::cli {
namespace {

using analysis::Comparison;
using analysis::RigResult;
using configs::Scenario;

/// The scenarios as one YAML stream.
std::string yaml_stream(const std::vector<Scenario>& scenarios) {
  std::string text;
  for (const Scenario& scenario : scenarios) {
    text += (text.empty() ? "" : "---\n") + configs::to_yaml(scenario);
  }
  return text;
}

workloads::SingleStream work_of(const Scenario& scenario) {
  workloads::SingleStream work;
  work.prompt_tokens = scenario.prompt_tokens;
  work.output_tokens = scenario.output_tokens;
  work.batch = scenario.batch;
  return work;
}

std::vector<RigResult> run_all(const std::vector<Scenario>& scenarios,
                               const workloads::EngineProfile& engine, ResultFiles& files,
                               const Console& console) {
  Progress progress(console);
  std::vector<RigResult> results;
  for (const Scenario& scenario : scenarios) {
    progress.show(
        fmt::format("{} of {}: {}", results.size() + 1, scenarios.size(), scenario.rig.name));
    files.begin(analysis::deployment_request(scenario, engine), work_of(scenario));
    results.push_back(analysis::evaluate(scenario, engine, &files));
    files.end(results.back());
  }
  return results;
}

}  // namespace

std::vector<RigResult> evaluate_each(const ParsedOptions& options,
                                     const std::vector<Scenario>& scenarios,
                                     const workloads::EngineProfile& engine,
                                     const std::string& title, const Console& console) {
  // What is wrong with any rig is said before a file is made or a run begins.
  for (const Scenario& scenario : scenarios) {
    (void)workloads::deploy(analysis::deployment_request(scenario, engine));
  }
  ResultFiles files(options, title, yaml_stream(scenarios), scenarios.front().seed);
  try {
    std::vector<RigResult> results = run_all(scenarios, engine, files, console);
    files.finish();
    return results;
  } catch (const Interrupted& stop) {
    throw Interrupted(stop.signal(), files.keep_incomplete());
  }
}

Comparison evaluate_all(const ParsedOptions& options, const std::vector<Scenario>& scenarios,
                        const workloads::EngineProfile& engine, const std::string& title,
                        const Console& console) {
  return analysis::compare(evaluate_each(options, scenarios, engine, title, console));
}

Answer comparison_answer(const ParsedOptions& options, const Comparison& comparison,
                         const Console& console) {
  const bool any = std::any_of(comparison.rigs.begin(), comparison.rigs.end(),
                               [](const RigResult& rig) { return rig.fits; });
  const ExitCode code = any ? ExitCode::kDone : ExitCode::kDoesNotFit;
  if (!options.has("json")) return {comparison_text(comparison, console), code};
  const auto document = analysis::to_json(comparison, {build_info().version, build_info().commit});
  return {document.dump(2) + '\n', code};
}

}  // namespace rigsim::cli
