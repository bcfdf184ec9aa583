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

#include "analysis/comparison.h"
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
#include "cli/speculative_option.h"
#include "cli/table.h"
#include "cli/text_file.h"
#include "cli/trace_report_text.h"
#include "cli/traffic_options.h"
#include "configs/config_error.h"
#include "configs/scenario.h"
#include "configs/traffic_text.h"
#include "workloads/serving/host_tier_rules.h"
#include "workloads/serving/kv_links.h"
#include "workloads/traffic_change.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using configs::LoadedTraffic;
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

/// Stops any run behind the step in which SIGINT or SIGTERM came.
class StopOnSignal final : public workloads::ServingObserver {
 public:
  explicit StopOnSignal(analysis::ServingTrace* trace) : trace_(trace) {}

  void steps_executed(const workloads::StepRecord&) override {
    constexpr std::uint64_t kStepsBetweenLooks = 256;
    if (++seen_ % kStepsBetweenLooks != 0) return;
    if (const auto signal = interruption_.pending()) throw Interrupted(*signal, kept());
  }
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}

 private:
  [[nodiscard]] std::string kept() {
    if (trace_ == nullptr) return "serving was stopped; there was no --trace to keep";
    return fmt::format("serving was stopped; what there is stands in {}, marked incomplete",
                       trace_->finish_incomplete().string());
  }

  Interruption interruption_;
  analysis::ServingTrace* trace_;
  std::uint64_t seen_ = 0;
};

Scenario scenario_of(const ParsedOptions& options, const configs::Catalog& catalog,
                     ScenarioOptions& given) {
  std::optional<Scenario> file;
  if (!options.arguments().empty())
    file = configs::read_scenario_file(options.arguments().front(), catalog);
  topology::Rig rig = options.has("rig") || !file ? read_rigs(options, catalog).front() : file->rig;
  given = read_scenario_options(options, catalog, file ? &*file : nullptr);
  Scenario scenario = on_rig(options, given, std::move(rig));
  scenario.traffic = read_traffic_choice(options, scenario.traffic);
  scenario.serving = read_serving_choice(options, scenario.serving);
  // What the header of a result says reads back as the same run.
  scenario.seed = scenario.traffic.settings.seed;
  scenario.prompt_tokens = scenario.traffic.settings.prompt_tokens;
  scenario.output_tokens = scenario.traffic.settings.output_tokens;
  return scenario;
}

/// One replica's request; the longest sequence is --context, else what the model was made for.
workloads::DeploymentRequest request_of(const Scenario& scenario,
                                        const configs::EngineFile& engine) {
  Scenario shortest = scenario;
  shortest.prompt_tokens = 1;
  shortest.output_tokens = 1;
  shortest.batch = 1;
  workloads::DeploymentRequest request = analysis::deployment_request(shortest, engine.profile);
  request.context = scenario.context.value_or(scenario.model.max_context);
  return request;
}

/// Traffic that a replica can hold, and what was done to it.
struct Fitted {
  LoadedTraffic loaded;
  workloads::ContextCut cut{};
};

Fitted load(const configs::ScenarioTraffic& traffic, const ServingSetup& setup) {
  Fitted fitted{[&] {
    try {
      return configs::load_traffic(traffic.text, traffic.settings);
    } catch (const configs::ConfigError&) {
      throw;
    } catch (const std::invalid_argument& error) {
      throw configs::ConfigError(traffic.place, error.what());
    }
  }()};
  if (traffic.truncate) {
    const auto& limits = setup.config.limits;
    const std::int64_t cache = limits.kv_blocks * limits.kv_block_tokens;
    const std::int64_t longest =
        setup.config.max_context > 0 ? std::min(setup.config.max_context, cache) : cache;
    fitted.cut =
        workloads::fit_context(fitted.loaded.traffic, longest, workloads::TooLong::kTruncate);
  }
  return fitted;
}

/// What of the traffic is not as the user has it.
std::string changes_text(const Fitted& fitted) {
  std::string text = fitted.loaded.report ? report_text(*fitted.loaded.report) : std::string();
  const auto [prompts, outputs, dropped] = fitted.cut;
  if (prompts + outputs > 0) {
    text += fmt::format("--truncate shortened {} prompts and {} outputs\n", prompts, outputs);
  }
  return text;
}

/// `first` and the same traffic drawn anew with the seeds that follow.
std::vector<workloads::Traffic> drawn(configs::ScenarioTraffic traffic, std::int64_t replications,
                                      workloads::Traffic first, const ServingSetup& setup) {
  std::vector<workloads::Traffic> all;
  all.push_back(std::move(first));
  for (std::int64_t i = 1; i < replications; ++i) {
    ++traffic.settings.seed;
    all.push_back(load(traffic, setup).loaded.traffic);
  }
  return all;
}

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

double gigabytes(sim::Bytes bytes) { return static_cast<double>(bytes.count()) / 1e9; }

std::string title_of(const Scenario& scenario, const ServingSetup& setup) {
  std::string plan;
  if (setup.deployment.plan.tp > 1) plan += fmt::format(", tp={}", setup.deployment.plan.tp);
  if (setup.deployment.plan.pp > 1) plan += fmt::format(", pp={}", setup.deployment.plan.pp);
  if (setup.deployment.plan.ep > 1) plan += fmt::format(", ep={}", setup.deployment.plan.ep);
  if (setup.config.replicas > 1) plan += fmt::format(", dp={}", setup.config.replicas);
  return fmt::format("{} on {}, {}{}", scenario.model.name, scenario.rig.name,
                     scenario.weights.name, plan);
}

/// What llama.cpp's slots add to what has to fit.
std::string slots_of(const ServingSetup& setup) {
  if (!std::holds_alternative<workloads::LlamaCppBatching>(setup.config.batching)) return {};
  return fmt::format(" {} slots of {} tokens each (--max-num-seqs, --context) need {:.1f} GB.",
                     setup.config.limits.max_sequences, setup.config.max_context,
                     gigabytes(setup.memory.devices.front().items.kv_cache));
}

Answer does_not_fit(const Scenario& scenario, const ServingSetup& setup) {
  const auto left = [](const workloads::DeviceMemory& each) {
    return each.capacity - each.items.total();
  };
  const workloads::DeviceMemory& device = *std::ranges::min_element(setup.memory.devices, {}, left);
  return {
      fmt::format(
          "{} in {} does not fit {}: weights {:.1f}, activations {:.1f} and runtime {:.1f} GB "
          "leave no {} of the {:.1f} GB that the engine takes of {}.{} rigsim fit says what would "
          "fit.\n",
          setup.draft ? scenario.model.name + " beside " + setup.draft->model.name
                      : scenario.model.name,
          scenario.weights.name, scenario.rig.name, gigabytes(device.items.weights),
          gigabytes(device.items.activations), gigabytes(device.items.runtime),
          slots_of(setup).empty() ? "KV block" : "room for slots", gigabytes(device.capacity),
          workloads::device_count(setup.deployment.plan) > 1 ? "each device" : "the device",
          slots_of(setup)),
      ExitCode::kDoesNotFit};
}

/// The run itself, or one on slower or faster devices for the bands.
Answer swap_space_full(const workloads::SwapSpaceFull& full, analysis::ServingTrace* trace) {
  std::string text = fmt::format(
      "The swap space is full: {}. vLLM ends there, and so does this run (or one on slower or "
      "faster devices, for the bands). --batching vllm-v0:swap,swap-gib=N gives more; vllm-v0 "
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

/// Throws configs::ConfigError at the option that the engine cannot do: it has no software for a
/// device of the rig, does not read the weights, or has fewer slots.
void check_engine(const ParsedOptions& options, const Scenario& scenario,
                  const workloads::EngineProfile& engine,
                  const workloads::ServingProfile& profile) {
  options.checked("engine", [&] {
    for (const auto& installed : scenario.rig.devices)
      (void)engine.backend(workloads::backend_of(installed.device));
    analysis::check_devices(scenario.rig, engine);
  });
  options.checked("weights", [&] { analysis::check_weights(scenario.weights, engine); });
  options.checked("max-num-seqs", [&] { workloads::check_slots(profile, engine.memory); });
}

Answer run(const ParsedOptions& options, const Console& console) {
  check_files(options);
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  ScenarioOptions given;
  const Scenario scenario = scenario_of(options, catalog, given);
  workloads::ServingProfile profile = serving_profile(given.engine, scenario.serving);
  const workloads::ServiceLevel& level = scenario.serving.level;
  check_engine(options, scenario, given.engine.profile, profile);
  const auto prefill = scenario.serving.prefill_replicas;
  const workloads::DeploymentRequest request = request_of(scenario, given.engine);
  if (prefill) {
    options.checked("prefill-replicas", [&] {
      workloads::check_prefill_replicas(request.plan, *prefill, profile.batching);
    });
  }
  if (scenario.serving.host_kv) {
    options.checked("host-kv", [&] {
      workloads::require_host_tier({profile.batching, profile.limits.prefix_caching,
                                    request.plan.pp > 1, prefill.has_value()});
    });
  }
  profile.speculating = read_speculating(options, catalog, scenario.serving, request, profile);
  ServingSetup setup = options.checked("plan", [&] {
    return workloads::serving_setup(request, profile,
                                    static_cast<std::int32_t>(prefill.value_or(0)));
  });
  if (setup.kv_blocks < 2) return does_not_fit(scenario, setup);
  workloads::apply(scenario.serving, setup);
  if (options.has("exact-steps")) setup.config.mode = workloads::StepMode::kExact;
  const std::int64_t replications = read_replications(options, scenario.traffic);
  const analysis::WarmUp warm_up = read_warm_up(options);
  Fitted fitted = load(scenario.traffic, setup);
  const std::vector<workloads::Traffic> traffics =
      drawn(scenario.traffic, replications, std::move(fitted.loaded.traffic), setup);
  const workloads::Traffic& traffic = traffics.front();

  std::unique_ptr<analysis::ServingTrace> trace;
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
  StopOnSignal watch(trace.get());
  std::optional<analysis::ServingRun> served;
  try {
    served = options.checked("warmup", [&] {
      return analysis::run_serving(traffics, setup, level, warm_up, &first, &watch);
    });
  } catch (const workloads::SwapSpaceFull& full) {
    return swap_space_full(full, trace.get());
  }
  const analysis::ServingRun& result = *served;
  if (trace) trace->finish();
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
  const std::string changes = changes_text(fitted);
  return {serving_text(result, setup, traffic.source, title_of(scenario, setup), console) +
              (changes.empty() ? "" : '\n' + changes),
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
