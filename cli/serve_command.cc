#include "cli/serve_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/serving_json.h"
#include "analysis/serving_run.h"
#include "analysis/serving_trace.h"
#include "analysis/traffic_summary.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/interruption.h"
#include "cli/scenario_options.h"
#include "cli/serve_options.h"
#include "cli/serve_table.h"
#include "cli/serving_question.h"
#include "cli/table.h"
#include "cli/text_file.h"
#include "cli/traffic_options.h"
#include "configs/config_error.h"
#include "configs/scenario.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using configs::Scenario;
using workloads::ServingSetup;

/// Writes down what the first run does.
class Keep final : public workloads::ServingObserver {
 public:
  Keep(analysis::ServingTrace* trace, analysis::TokenTimes* tokens)
      : trace_(trace), tokens_(tokens) {}

  void steps_executed(const workloads::StepRecord& steps) override {
    if (trace_ != nullptr) trace_->steps_executed(steps);
  }
  void gaps_seen(const workloads::GapRun&) override {}
  void token_out(std::uint32_t request, workloads::Ticks now, bool first) override {
    if (tokens_ != nullptr) tokens_->token_out(request, now, first);
  }
  [[nodiscard]] bool wants_tokens() const override { return tokens_ != nullptr; }
  void request_ended(std::uint32_t request, const workloads::RequestRecord& record) override {
    if (trace_ != nullptr) trace_->request_ended(request, record);
  }

 private:
  analysis::ServingTrace* trace_;
  analysis::TokenTimes* tokens_;
};

using Trace = std::unique_ptr<analysis::ServingTrace>;

/// Stops any run behind the step in which SIGINT or SIGTERM came.
class StopOnSignal final : public workloads::ServingObserver {
 public:
  /// `trace` is none where the user wants none, or when it is complete.
  explicit StopOnSignal(const Trace& trace) : trace_(trace) {}

  void steps_executed(const workloads::StepRecord&) override {
    constexpr std::uint64_t kStepsBetweenLooks = 256;
    if (++seen_ % kStepsBetweenLooks != 0) return;
    if (const auto signal = interruption_.pending()) throw Interrupted(*signal, kept());
  }
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}

 private:
  [[nodiscard]] std::string kept() {
    if (trace_ == nullptr)
      return "serving was stopped; there was no --trace to keep, or it is complete";
    return fmt::format("serving was stopped; what there is stands in {}, marked incomplete",
                       trace_->finish_incomplete().string());
  }

  Interruption interruption_;
  const Trace& trace_;
  std::uint64_t seen_ = 0;
};

analysis::TraceHeader header_of(const ParsedOptions& options, const Scenario& scenario) {
  analysis::TraceHeader header;
  header.title = "rigsim serve";
  header.version = build_info().version;
  header.commit = build_info().commit;
  header.command_line = options.command_line();
  header.scenario = configs::to_yaml(scenario);
  header.seed = scenario.seed;
  return header;
}

Json document(const analysis::ServingRun& run, const ServingSetup& setup, const Scenario& scenario,
              const std::string& source, const workloads::ServiceLevel& level) {
  Json json{{"version", build_info().version},  {"commit", build_info().commit},
            {"rig", scenario.rig.name},         {"model", scenario.model.name},
            {"weights", scenario.weights.name}, {"traffic", source}};
  json.update(analysis::to_json(run, setup, level));
  return json;
}

Answer swap_space_full(const workloads::SwapSpaceFull& full, const Trace& trace) {
  std::string text = fmt::format(
      "The swap space is full: {}. vLLM ends there, and so does this run. --batching "
      "vllm-v0:swap,swap-gib=N gives more; vllm-v0 "
      "alone computes anew.",
      full.what());
  if (trace != nullptr)
    text += fmt::format(" What there is stands in {}, marked incomplete.",
                        trace->finish_incomplete().string());
  return {wrapped(text), ExitCode::kDoesNotFit};
}

/// Refuses files that could not be written, before anything runs.
void check_files(const ParsedOptions& options) {
  const auto trace = options.text("trace");
  const auto result = options.text("vllm-result");
  if (trace && trace == result)
    throw configs::ConfigError({{}, 0, 0, "--vllm-result"}, "is the file of --trace, too");
  if (options.has("itls") && !result)
    throw configs::ConfigError({{}, 0, 0, "--itls"}, "goes with --vllm-result FILE");
  if (trace) check_can_write(*trace);
  if (result) check_can_write(*result);
}

Answer run(const ParsedOptions& options, const Console& console) {
  check_files(options);
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  ServingQuestion question = read_serving_question(options, catalog);
  if (!question.fits()) return {question.does_not_fit(), ExitCode::kDoesNotFit};
  const Scenario& scenario = question.scenario;
  ServingSetup& setup = question.setup;
  const workloads::ServiceLevel& level = scenario.serving.level;
  if (options.has("exact-steps")) setup.config.mode = workloads::StepMode::kExact;
  const std::int64_t replications = read_replications(options, scenario.traffic);
  const analysis::WarmUp warm_up = read_warm_up(options);
  FittedTraffic fitted = load_traffic_of(question);
  const std::vector<workloads::Traffic> traffics =
      drawn(question, replications, std::move(fitted.loaded.traffic));
  const workloads::Traffic& traffic = traffics.front();

  Trace trace;
  workloads::ServingWork work(setup);
  if (const auto path = options.text("trace")) {
    trace = std::make_unique<analysis::ServingTrace>(*path, header_of(options, scenario), traffic,
                                                     setup.config,
                                                     setup.deployment.replica(0).size(), &work);
  }
  std::optional<analysis::TokenTimes> tokens;
  if (options.has("itls")) tokens.emplace(traffic.requests.size());
  analysis::TokenTimes* const wanted = tokens ? &*tokens : nullptr;
  Keep first(trace.get(), wanted);
  StopOnSignal watch(trace);
  const auto complete = [&] {
    if (trace) trace->finish();
    trace.reset();
  };
  std::optional<analysis::ServingRun> served;
  try {
    served = options.checked("warmup", [&] {
      return analysis::run_serving(traffics, setup, level, warm_up, &first, &watch, complete);
    });
  } catch (const workloads::SwapSpaceFull& full) {
    return swap_space_full(full, trace);
  }
  const analysis::ServingRun& result = *served;
  if (const auto path = options.text("vllm-result"))
    write_text_file(
        *path,
        analysis::vllm_bench_json(result, traffic, scenario.model.name, wanted).dump() + '\n');
  const ExitCode code = result.metrics.finished > 0 ? ExitCode::kDone : ExitCode::kDoesNotFit;
  if (options.has("json")) {
    Json json = document(result, setup, scenario, traffic.source, level);
    json["report"] = fitted.loaded.report ? analysis::to_json(*fitted.loaded.report) : Json();
    json["truncated"] = {{"prompts", fitted.cut.truncated_prompts},
                         {"outputs", fitted.cut.truncated_outputs}};
    return {json.dump(2) + '\n', code};
  }
  const std::string changed = changes(fitted);
  return {serving_text(result, setup, traffic, question.title(), console) +
              (changed.empty() ? "" : '\n' + changed),
          code};
}

}  // namespace

Command serve_command() {
  Command command{
      .name = "serve",
      .summary = "replay request traffic through an engine's batching",
      .usage = "[SCENARIO.yaml] [--traffic FILE|poisson:RATE] [OPTIONS]",
      .about =
          "Replays requests event by event through the scheduler of a serving engine: which "
          "sequences each step computes, when KV blocks run out and who is preempted. Prints "
          "throughput and the latencies that users feel, with the band that slower and faster "
          "devices give. \"rigsim traffic --help\" says what --traffic takes.",
      .examples =
          "  rigsim serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm "
          "--traffic poisson:4/s --requests 500\n"
          "  rigsim serve --rig 2x4090 --model llama-3-8b --weights bf16 --engine vllm --plan dp=2 "
          "--traffic trace.jsonl --slo ttft=2s,tpot=50ms --trace serve.h5 --json",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file"},
                  {"traffic", "TRAFFIC", "a trace, or poisson:4/s, gamma:..., closed:16, ..."}},
      .arguments = {"SCENARIO.yaml"},
      .run = run};
  constexpr std::array<std::string_view, 10> kWanted{"model",     "weights", "kv-cache", "engine",
                                                     "prompt",    "context", "plan",     "devices",
                                                     "placement", "catalog"};
  for (OptionSpec& option : scenario_options()) {
    if (option.name == "prompt") option.help = "of made-up traffic (default 1024)";
    if (std::ranges::find(kWanted, option.name) != kWanted.end())
      command.options.push_back(std::move(option));
  }
  command.options.push_back({"output-tokens", "N", "of made-up traffic (default 128)"});
  for (OptionSpec& option : serving_options()) command.options.push_back(std::move(option));
  for (OptionSpec& option : traffic_options()) command.options.push_back(std::move(option));
  command.options.push_back({"truncate", "", "shorten requests that a replica cannot hold"});
  command.options.push_back({"trace", "FILE", "keep requests and steps as HDF5"});
  command.options.push_back({"vllm-result", "FILE", "also as vLLM's bench serve writes results"});
  command.options.push_back(
      {"itls", "", "with every gap between tokens in it (large, and slower)"});
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
