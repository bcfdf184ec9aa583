#include "cli/export_command.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "analysis/comparison.h"
#include "analysis/graph_dot.h"
#include "analysis/output_error.h"
#include "cli/command_options.h"
#include "cli/scenario_options.h"
#include "configs/chakra.h"
#include "configs/graph_json.h"
#include "configs/rig_digest.h"
#include "workloads/deployment_builder.h"
#include "workloads/pass_document.h"
#include "workloads/pass_graph.h"

namespace rigsim::cli {
namespace {

namespace fs = std::filesystem;

enum class Step { kPrefill, kDecode };

Step step_of(const ParsedOptions& options) {
  const std::string step = options.text("step").value_or("decode");
  if (step == "prefill") return Step::kPrefill;
  if (step == "decode") return Step::kDecode;
  throw configs::ConfigError(
      {{}, 0, 0, "--step"},
      fmt::format("unknown step {}; allowed: prefill, decode", configs::in_quotes(step)));
}

workloads::OpGraphDocument graph_of(const ParsedOptions& options) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  const topology::Rig rig = read_rigs(options, catalog).front();
  const ScenarioOptions given = read_scenario_options(options, catalog);
  const configs::Scenario scenario = on_rig(options, given, rig);
  const auto deployment =
      workloads::deploy(analysis::deployment_request(scenario, given.engine.profile));
  const Step step = step_of(options);
  const std::int64_t context = scenario.context.value_or(scenario.prompt_tokens + 1);
  const workloads::PassGraph pass =
      step == Step::kPrefill
          ? workloads::lower_prompt(deployment, scenario.prompt_tokens, scenario.batch)
          : workloads::lower_decode(deployment, context, scenario.batch);
  std::string title =
      fmt::format("{} {} under {} on {}, {}", scenario.model.name, scenario.weights.name,
                  scenario.engine, rig.name,
                  step == Step::kPrefill
                      ? fmt::format("prompt of {} x {}", scenario.batch, scenario.prompt_tokens)
                      : fmt::format("decode step of {} at context {}", scenario.batch, context));
  workloads::OpGraphDocument document = workloads::document_of(pass, rig, std::move(title));
  document.priced_on = configs::priced_on(rig);
  return document;
}

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw analysis::OutputError(path, std::strerror(errno));
}

/// Writes PREFIX.<npu>.et and the groups beside them; says what was written.
std::string write_chakra(const fs::path& prefix, const workloads::OpGraphDocument& graph) {
  const configs::ChakraFiles files = configs::to_chakra(graph);
  for (std::size_t npu = 0; npu < files.traces.size(); ++npu) {
    write_file(fmt::format("{}.{}.et", prefix.string(), npu), files.traces[npu]);
  }
  write_file(prefix.string() + ".comm_groups.json", files.comm_groups);
  std::string text = fmt::format("{} nodes in {}.0.et to {}.{}.et\n", graph.nodes.size(),
                                 prefix.string(), prefix.string(), files.traces.size() - 1);
  if (files.sync_messages > 0) {
    text +=
        fmt::format("{} dependencies between NPUs are messages of 1 byte\n", files.sync_messages);
  }
  return text;
}

Answer run(const ParsedOptions& options, const Console&) {
  const std::string path = options.needed("graph");
  const std::string format = options.text("format").value_or("json");
  if (format != "json" && format != "dot" && format != "chakra") {
    throw configs::ConfigError(
        {{}, 0, 0, "--format"},
        fmt::format("unknown format {}; allowed: json, dot, chakra", configs::in_quotes(format)));
  }
  const workloads::OpGraphDocument graph = graph_of(options);
  if (format == "chakra") return {write_chakra(path, graph)};
  write_file(path, format == "json" ? configs::to_graph_json(graph) : analysis::to_dot(graph));
  return {fmt::format("{} nodes in {}\n", graph.nodes.size(), path)};
}

}  // namespace

Command export_command() {
  Command command{
      .name = "export",
      .summary = "the op graph of a step, for replay and other programs",
      .usage = "--graph FILE --rig RIG --model MODEL --weights FORMAT [OPTIONS]",
      .about =
          "Writes the ops of a prompt or of one decode step as JSON (docs/graph.md; `rigsim "
          "replay` on this rig gives the same time), Graphviz or Chakra execution traces (FILE is "
          "then the "
          "prefix of FILE.<npu>.et; FILE.comm_groups.json is for ASTRA-sim). The step at hand is "
          "the decode step that attends to --context tokens (default: the prompt and one more), "
          "or the whole prompt.",
      .examples =
          "  rigsim export --graph step.json --rig 2x4090 --model llama-3-70b --weights q4_k_m\n"
          "  rigsim export --graph step --format chakra --step prefill --rig 2x4090 "
          "--model llama-3-8b --weights q4_k_m",
      .options = {{"graph", "FILE", "where to write the graph; of chakra, the files' prefix"},
                  {"format", "FORMAT", "json (default), dot or chakra"},
                  {"step", "STEP", "decode (default) or prefill"},
                  {"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"}},
      .arguments = {},
      .run = run};
  for (const OptionSpec& option : scenario_options()) command.options.push_back(option);
  return command;
}

}  // namespace rigsim::cli
