#include "cli/run_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "analysis/parallel_report.h"
#include "cli/command_options.h"
#include "cli/evaluation.h"
#include "cli/parallel_table.h"
#include "cli/scenario_options.h"

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

Answer run(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  std::optional<configs::Scenario> file;
  if (!options.arguments().empty()) {
    file = configs::read_scenario_file(options.arguments().front(), catalog);
  }
  const bool rig_given = options.has("rig") || !file;
  topology::Rig rig = rig_given ? read_rigs(options, catalog).front() : file->rig;
  const ScenarioOptions given = read_scenario_options(options, catalog, file ? &*file : nullptr);
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
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
