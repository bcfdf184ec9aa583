#include "cli/compare_command.h"

#include "cli/batch_comparison.h"
#include "cli/command_options.h"
#include "cli/evaluation.h"
#include "cli/scenario_options.h"

namespace rigsim::cli {
namespace {

Answer run(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  const std::vector<topology::Rig> rigs = read_rigs(options, catalog);
  const ScenarioOptions given = read_scenario_options(options, catalog);
  if (given.batches.size() > 1) return compare_batches(options, given, rigs, console);
  std::vector<configs::Scenario> scenarios;
  for (const topology::Rig& rig : rigs) scenarios.push_back(on_rig(options, given, rig));
  const auto comparison =
      evaluate_all(options, scenarios, given.engine.profile, "rigsim compare", console);
  return comparison_answer(options, comparison, console);
}

}  // namespace

Command compare_command() {
  Command command{
      .name = "compare",
      .summary = "how rigs run a model, side by side, and why they differ",
      .usage = "--rig RIG [--rig RIG ...] --model MODEL --weights FORMAT [OPTIONS]",
      .about =
          "Simulates the prompt and every output token on each rig and prints speed, latency, "
          "memory, idle and transfer shares, each with its 90 % band and its evidence, the "
          "winner of each and the reason. Several batches (--batch 1,2,4,8) give a table of decode "
          "rate and link share by batch. Power and price are the datasheets'. Exit code 4: "
          "no rig holds the model.",
      .examples =
          "  rigsim compare --rig 2x4090 --rig a6000 --model llama-3-70b --weights q4_k_m "
          "--prompt 1024 --output-tokens 1024\n"
          "  rigsim compare --rig 4x3090-nvlink --rig m2-ultra --rig my_rig.yaml "
          "--model config.json --weights q8_0 --json\n"
          "  rigsim compare --rig 2x4090 --rig 2x4090-p2p --rig a6000 --model llama-3-70b "
          "--weights awq --engine vllm --plan tp=2 --batch 1,4,16,64",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file; repeat it",
                   true}},
      .arguments = {},
      .run = run};
  for (const OptionSpec& option : scenario_options()) command.options.push_back(option);
  command.options.push_back({"output", "FILE", "keep the whole comparison as HDF5"});
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
