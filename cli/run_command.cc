#include "cli/run_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/parallel_report.h"
#include "cli/command_options.h"
#include "cli/evaluation.h"
#include "cli/llama_tables.h"
#include "cli/parallel_table.h"
#include "cli/scenario_options.h"
#include "configs/config_error.h"

namespace rigsim::cli {
namespace {

/// `text` (tables or document) with what is told of a split beside it.
std::string with_report(const ParsedOptions& options, const std::string& text,
                        const analysis::ParallelReport& report, const Console& console) {
  if (!options.has("json")) return text + '\n' + parallel_text(report, console);
  auto document = nlohmann::ordered_json::parse(text);
  document["parallelism"] = analysis::to_json(report);
  return document.dump(2) + '\n';
}

using configs::Scenario;

Scenario with_work(Scenario scenario, std::int64_t prompt, std::int64_t output) {
  scenario.prompt_tokens = prompt;
  scenario.output_tokens = output;
  return scenario;
}

double seconds_of(const workloads::PhaseResult& phase) { return sim::to_seconds(phase.duration); }

/// The prompt alone, then the output from an empty context, each where it has tokens.
Answer llama_bench(const ParsedOptions& options, const Scenario& scenario,
                   const workloads::EngineProfile& engine, const Console& console) {
  const TableForm form =
      options.checked("llama-bench", [&] { return table_form(options.needed("llama-bench")); });
  std::vector<Scenario> tests;
  if (scenario.prompt_tokens > 0) tests.push_back(with_work(scenario, scenario.prompt_tokens, 0));
  if (scenario.output_tokens > 0) tests.push_back(with_work(scenario, 0, scenario.output_tokens));
  if (scenario.batch != 1)
    throw configs::ConfigError({{}, 0, 0, "--batch"}, "llama-bench runs one sequence");
  std::vector<LlamaBenchTest> rows;
  for (const auto& result : evaluate_each(options, tests, engine, "rigsim run", console)) {
    if (!result.run) return comparison_answer(options, analysis::compare({result}), console);
    rows.push_back({result.work.prompt_tokens, result.work.output_tokens,
                    seconds_of(result.run->prefill) + seconds_of(result.run->decode)});
  }
  return {llama_bench_text(form, scenario, engine, rows)};
}

/// Every batch: the prompts, then the output behind them.
Answer batched_bench(const ParsedOptions& options, std::vector<Scenario> scenarios,
                     const workloads::EngineProfile& engine, const Console& console) {
  const TableForm form =
      options.checked("batched-bench", [&] { return table_form(options.needed("batched-bench")); });
  for (Scenario& scenario : scenarios) {
    if (scenario.prompt_tokens == 0 || scenario.output_tokens == 0)
      throw configs::ConfigError({{}, 0, 0, "--batched-bench"}, "needs a prompt and an output");
    ++scenario
          .output_tokens;  // the prompt's last pass gives a token there, here decoding gives all
    if (scenario.context) scenario.context = *scenario.context + 1;
  }
  std::vector<BatchedBenchTest> rows;
  std::vector<std::int64_t> too_large;
  std::optional<Answer> refused;  // of the first that does not fit
  for (const auto& result : evaluate_each(options, scenarios, engine, "rigsim run", console)) {
    if (!result.run) {
      too_large.push_back(result.work.batch);
      if (!refused) refused = comparison_answer(options, analysis::compare({result}), console);
      continue;
    }
    rows.push_back({result.work.prompt_tokens, result.work.output_tokens - 1, result.work.batch,
                    seconds_of(result.run->prefill), seconds_of(result.run->decode)});
  }
  if (rows.empty() && refused) return *refused;
  Answer answer{options.checked(
      "batched-bench", [&] { return batched_bench_text(form, scenarios.front(), engine, rows); })};
  if (!too_large.empty()) {
    answer.code = ExitCode::kDoesNotFit;
    answer.warning =
        fmt::format("these batches do not fit and have no row: {}", fmt::join(too_large, ", "));
  }
  return answer;
}

/// Throws configs::ConfigError where two of what the answer should look like are given.
void check_forms(const ParsedOptions& options) {
  std::string_view first;
  for (const std::string_view form : {"llama-bench", "batched-bench", "json"}) {
    if (!options.has(form)) continue;
    if (!first.empty())
      throw configs::ConfigError({{}, 0, 0, fmt::format("--{}", form)},
                                 fmt::format("does not go with --{}", first));
    first = form;
  }
}

Answer run(const ParsedOptions& options, const Console& console) {
  check_forms(options);
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  std::optional<configs::Scenario> file;
  if (!options.arguments().empty()) {
    file = configs::read_scenario_file(options.arguments().front(), catalog);
  }
  const bool rig_given = options.has("rig") || !file;
  topology::Rig rig = rig_given ? read_rigs(options, catalog).front() : file->rig;
  const ScenarioOptions given = read_scenario_options(options, catalog, file ? &*file : nullptr);
  if (options.has("llama-bench"))
    return llama_bench(options, on_rig(options, given, std::move(rig)), given.engine.profile,
                       console);
  if (options.has("batched-bench"))
    return batched_bench(options, on_rig_by_batch(options, given, rig), given.engine.profile,
                         console);
  const auto comparison = evaluate_all(options, {on_rig(options, given, std::move(rig))},
                                       given.engine.profile, "rigsim run", console);
  Answer answer = comparison_answer(options, comparison, console);
  if (const auto report = analysis::parallel_report(comparison.rigs.front()))
    answer.text = with_report(options, answer.text, *report, console);
  return answer;
}

}  // namespace

Command run_command() {
  Command command{
      .name = "run",
      .summary = "run one scenario and keep its trace",
      .usage = "[SCENARIO.yaml] [OPTIONS]",
      .about =
          "A scenario file names rig, model, weights, engine and lengths; options replace what "
          "it says, or stand alone. --trace keeps every step, and kernel by kernel and copy "
          "by copy the prompt and about 64 of the decode steps. Exit code 4: it does not fit.",
      .examples =
          "  rigsim run scenario.yaml --trace run.h5\n"
          "  rigsim run --rig 2x4090 --model llama-3-70b --weights q4_k_m --trace run.h5",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"}},
      .arguments = {"SCENARIO.yaml"},
      .run = run};
  for (const OptionSpec& option : scenario_options()) command.options.push_back(option);
  command.options.push_back({"trace", "FILE", "keep the run's trace as HDF5"});
  command.options.push_back({"output", "FILE", "keep the result as HDF5"});
  command.options.push_back(
      {"llama-bench", "FORM", "as llama-bench prints it: md, csv, json or jsonl"});
  command.options.push_back(
      {"batched-bench", "FORM", "as llama-batched-bench does, --batch a list: md or jsonl"});
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
