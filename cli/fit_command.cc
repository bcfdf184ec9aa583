#include "cli/fit_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "analysis/json_fit.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/fit_table.h"
#include "cli/scenario_options.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kUsualContext = 4096;

/// What is asked, whatever the rig.
struct Question {
  configs::Catalog catalog;
  ScenarioOptions given;
  std::vector<workloads::WeightsFormat> formats;  ///< the smallest first
  std::int64_t context = 0;
};

Question question_of(const ParsedOptions& options) {
  Question question{configs::Catalog::load(options.text("catalog")), {}, {}, 0};
  question.given =
      read_scenario_options(options, question.catalog, nullptr, WeightsOption::kOptional);
  configs::Scenario& scenario = question.given.scenario;
  const std::int64_t longest = scenario.model.max_context;
  question.context =
      options.count("context", 1, longest).value_or(std::min(kUsualContext, longest));
  scenario.prompt_tokens = question.context;
  scenario.output_tokens = 0;
  scenario.context = question.context;
  if (question.given.weights_said) {
    question.formats = {scenario.weights};
  } else {
    question.formats = analysis::readable_formats(scenario.model, question.given.engine.profile);
  }
  return question;
}

Json document() { return {{"version", build_info().version}, {"commit", build_info().commit}}; }

Answer on_rigs(const ParsedOptions& options, const Question& question, const Console& console) {
  const auto contexts =
      analysis::contexts_of_interest(question.given.scenario.model, question.context);
  Json json = document();
  std::string text;
  bool any = false;
  for (const topology::Rig& rig : read_rigs(options, question.catalog)) {
    const auto fit =
        analysis::fit_on_rig(on_rig(options, question.given, rig), question.given.engine.profile,
                             question.formats, contexts);
    any = any || fit.any_fits();
    json["rigs"].push_back(analysis::to_json(fit));
    if (!text.empty()) text += '\n';
    text += fit_text(fit, console);
  }
  return {options.has("json") ? json.dump(2) + '\n' : text,
          any ? ExitCode::kDone : ExitCode::kDoesNotFit};
}

/// Where no rig holds the weights asked for: the largest format that some rig holds.
std::optional<analysis::RigThatHolds> with_smaller_weights(const Question& question) {
  const auto& engine = question.given.engine.profile;
  const configs::Scenario& scenario = question.given.scenario;
  std::optional<analysis::RigThatHolds> best;
  sim::Bytes most{};
  const auto formats = analysis::readable_formats(scenario.model, engine);
  for (auto& rig : analysis::rigs_that_hold(scenario, engine, formats, question.catalog)) {
    const sim::Bytes bytes = workloads::weight_bytes(scenario.model, rig.weights);
    if (bytes <= most) continue;
    most = bytes;
    best = std::move(rig);
  }
  return best;
}

std::string nowhere_text(const std::string& what, const Question& question) {
  const auto smaller = with_smaller_weights(question);
  return fmt::format("{}: no rig of the catalogue holds it.{}\n", what,
                     smaller
                         ? fmt::format(" {} would fit on {}.", smaller->weights.name, smaller->rig)
                         : std::string(" A shorter context or a smaller batch might fit."));
}

Answer anywhere(const ParsedOptions& options, const Question& question, const Console& console) {
  const configs::Scenario& scenario = question.given.scenario;
  const auto rigs = analysis::rigs_that_hold(scenario, question.given.engine.profile,
                                             question.formats, question.catalog);
  const ExitCode code = rigs.empty() ? ExitCode::kDoesNotFit : ExitCode::kDone;
  if (options.has("json")) {
    Json json = document();
    json["model"] = scenario.model.name;
    json["engine"] = scenario.engine;
    json["context"] = question.context;
    json["batch"] = scenario.batch;
    json["rigs"] = Json::array();
    for (const auto& rig : rigs) json["rigs"].push_back(analysis::to_json(rig));
    return {json.dump(2) + '\n', code};
  }
  const std::string what =
      fmt::format("{}{} under {}: context {}, batch {}", scenario.model.name,
                  question.given.weights_said ? " " + scenario.weights.name : std::string(),
                  scenario.engine, question.context, scenario.batch);
  if (rigs.empty()) return {nowhere_text(what, question), code};
  return {fmt::format("{}; {} rigs and devices hold it.\n\n{}", what, rigs.size(),
                      holding_text(rigs, console)),
          code};
}

Answer run(const ParsedOptions& options, const Console& console) {
  const Question question = question_of(options);
  return options.has("rig") ? on_rigs(options, question, console)
                            : anywhere(options, question, console);
}

bool is_about_memory(const OptionSpec& option) {
  return option.name != "prompt" && option.name != "output-tokens" && option.name != "context";
}

}  // namespace

Command fit_command() {
  Command command{
      .name = "fit",
      .summary = "what fits where, and what would make it fit",
      .usage = "--model MODEL [--rig RIG ...] [OPTIONS]",
      .about =
          "With a rig: the memory of each device, item by item, at each weights format and "
          "context, and the largest context and batch that still fit. Without one: every rig "
          "and device of the catalogue that holds the model. Exit code 4: nothing fits, and "
          "the smallest change that would.",
      .examples =
          "  rigsim fit --model llama-3-70b --rig 2x4090\n"
          "  rigsim fit --model llama-3-70b --rig 4090 --weights q4_k_m --context 8192\n"
          "  rigsim fit --model llama-3-70b --weights q4_k_m",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file; repeat it", true},
                  {"context", "N", "tokens of each sequence (default 4096)"}},
      .arguments = {},
      .run = run};
  for (const OptionSpec& option : scenario_options()) {
    if (is_about_memory(option)) command.options.push_back(option);
  }
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
