#include "cli/crossover_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "analysis/json_crossover.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/crossover_table.h"
#include "cli/scenario_options.h"
#include "configs/count_list.h"

namespace rigsim::cli {
namespace {

constexpr std::int64_t kMostSequences = 1'000'000;
constexpr std::int64_t kUsualContext = 1024;

/// "f16,q4_k_m" one by one; one without a text where the model's file may say.
std::vector<std::optional<std::string>> weights_of(const ParsedOptions& options) {
  const auto text = options.text("weights");
  if (!text) return {std::nullopt};
  std::vector<std::optional<std::string>> formats;
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t end = std::min(text->find(',', at), text->size());
    formats.emplace_back(text->substr(at, end - at));
    at = end + 1;
  }
  return formats;
}

std::vector<analysis::Crossover> rows_of(const ParsedOptions& options,
                                         const configs::Catalog& catalog,
                                         const std::vector<std::int64_t>& batches) {
  const std::vector<topology::Rig> rigs = read_rigs(options, catalog);
  const std::vector<ParsedOptions> plans = by_plan(options);
  std::vector<analysis::Crossover> rows;
  for (const auto& weights : weights_of(options)) {
    for (const topology::Rig& rig : rigs) {
      for (const ParsedOptions& plan : plans) {
        const ParsedOptions each = weights ? plan.with("weights", *weights) : plan;
        ScenarioOptions given = read_scenario_options(each, catalog);
        given.scenario.prompt_tokens =
            each.count("context", 1, given.scenario.model.max_context).value_or(kUsualContext);
        given.scenario.output_tokens = 0;
        each.checked("weights", [&] {
          analysis::check_weights(given.scenario.weights, given.engine.profile);
        });
        const configs::Scenario scenario = on_rig(each, given, rig);
        rows.push_back(each.checked(
            "plan", [&] { return analysis::crossover(scenario, given.engine.profile, batches); }));
        // On a rig of one device all plans are the same.
        if (rig.devices.size() == 1) break;
      }
    }
  }
  return rows;
}

Answer run(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  const auto batches = options.checked("batches", [&] {
    return configs::parse_increasing(options.text("batches").value_or("1-512"), 1, kMostSequences);
  });
  const auto rows = rows_of(options, catalog, batches);
  const auto holds = [](const analysis::Crossover& row) { return row.largest_batch.has_value(); };
  const ExitCode code = std::ranges::any_of(rows, holds) ? ExitCode::kDone : ExitCode::kDoesNotFit;
  if (!options.has("json")) return {crossover_text(rows, console), code};
  nlohmann::ordered_json json{{"version", build_info().version},
                              {"commit", build_info().commit},
                              {"rows", nlohmann::ordered_json::array()}};
  for (const analysis::Crossover& row : rows) json["rows"].push_back(analysis::to_json(row));
  return {json.dump(2) + '\n', code};
}

/// What a sweep over batches leaves of the usual options.
bool is_said_otherwise(const OptionSpec& option) {
  for (const std::string_view name :
       {"weights", "prompt", "output-tokens", "batch", "context", "plan"}) {
    if (option.name == name) return true;
  }
  return false;
}

}  // namespace

Command crossover_command() {
  Command command{
      .name = "crossover",
      .summary = "from which batch on decode is bound by compute, and by what before",
      .usage = "--rig RIG [--rig RIG ...] --model MODEL --weights FORMAT[,FORMAT...] [OPTIONS]",
      .about =
          "Runs a decode step at each batch and says what most of it waits for: reading weights, "
          "the KV cache, arithmetic, links, launches or the host. The ridge batch is where "
          "multiplying by the weights begins to take longer than reading them; the datasheet's "
          "stands beside it. Exit code 4: no rig holds the model.",
      .examples =
          "  rigsim crossover --rig 4090 --rig a100-80gb-sxm --model llama-3-8b --weights "
          "f16,q4_k_m\n"
          "  rigsim crossover --rig h100-sxm --model llama-3-8b --weights bf16 --engine vllm "
          "--batches 1-1024 --context 4096\n"
          "  rigsim crossover --rig 2x4090 --model llama-3-70b --weights awq --engine vllm --plan "
          "pp=2 --plan tp=2 --json",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file; repeat it", true},
                  {"weights", "FORMATS", "how the weights are stored: f16 or f16,q4_k_m"},
                  {"batches", "LIST", "numbers and doubling ranges: 1-512 (default), 1,4,64-96"},
                  {"context", "N", "tokens that each sequence attends to (default 1024)"},
                  {"plan", "PLAN", "split over the devices; repeat it", true}},
      .arguments = {},
      .run = run};
  for (const OptionSpec& option : scenario_options()) {
    if (!is_said_otherwise(option)) command.options.push_back(option);
  }
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
