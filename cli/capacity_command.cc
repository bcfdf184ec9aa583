#include "cli/capacity_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/json_capacity.h"
#include "cli/build_info.h"
#include "cli/capacity_table.h"
#include "cli/command_options.h"
#include "cli/scenario_options.h"
#include "cli/serve_options.h"
#include "cli/serving_question.h"
#include "cli/traffic_options.h"
#include "configs/config_error.h"
#include "configs/quantity_parser.h"
#include "configs/traffic_text.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A number above `least` and at most `most`.
std::optional<double> number(const ParsedOptions& options, std::string_view name, double least,
                             double most) {
  const auto text = options.text(name);
  if (!text) return std::nullopt;
  return options.checked(name, [&] {
    const double value = configs::parse_number(*text);
    if (value > least && value <= most) return value;
    throw std::invalid_argument(fmt::format("must be above {:g} and at most {:g}, got {}", least,
                                            most, configs::in_quotes(*text)));
  });
}

analysis::CapacityTarget target_of(const ParsedOptions& options,
                                   const workloads::ServiceLevel& level) {
  if (options.has("percentile") && options.has("goodput"))
    throw configs::ConfigError({{}, 0, 0, "--goodput"}, "give either --percentile or --goodput");
  if (!level.any())
    throw configs::ConfigError({{}, 0, 0, "--slo"}, "is needed, such as ttft=2s,tpot=50ms");
  analysis::CapacityTarget target;
  target.level = level;
  target.percentile = number(options, "percentile", 0, 100).value_or(99) / 100;
  if (const auto share = number(options, "goodput", 0, 100)) target.good = *share / 100;
  return target;
}

/// Steps of the wanted precision over a millionth to a million times the traffic's rate.
analysis::LoadLadder ladder_of(const ParsedOptions& options) {
  constexpr double kMost = 1e6;
  analysis::LoadLadder ladder;
  ladder.precision = number(options, "precision", 1e-3, 50).value_or(1) / 100;
  std::int64_t steps = 0;
  for (double factor = 1; factor < kMost; factor *= 1 + ladder.precision) ++steps;
  ladder.highest = steps;
  ladder.lowest = -steps;
  return ladder;
}

/// --load 10/s.
std::optional<double> load_of(const ParsedOptions& options) {
  const auto text = options.text("load");
  if (!text) return std::nullopt;
  return options.checked("load", [&] {
    const workloads::TrafficPlan plan = configs::parse_traffic_plan("uniform:" + *text, {});
    return std::get<workloads::UniformArrivals>(plan.arrivals).per_second;
  });
}

std::vector<ParsedOptions> by_plan(const ParsedOptions& options) {
  std::vector<ParsedOptions> all;
  for (const std::string& plan : options.texts("plan")) all.push_back(options.with("plan", plan));
  return all.empty() ? std::vector{options} : all;
}

/// Made-up traffic is drawn five times.
std::int64_t replications_of(const ParsedOptions& options, const ServingQuestion& question) {
  constexpr std::int64_t kUsual = 5;
  if (options.has("replications")) return read_replications(options, question.scenario.traffic);
  return configs::is_made_up(question.scenario.traffic.text) ? kUsual : 1;
}

analysis::CapacityRow row_of(const ParsedOptions& options, const ServingQuestion& question,
                             const analysis::LoadLadder& ladder) {
  analysis::CapacityRow row;
  row.rig = question.scenario.rig.name;
  row.plan = question.scenario.plan.value_or(question.setup.deployment.plan);
  row.datasheet = analysis::datasheet_facts(question.scenario.rig);
  const auto target = target_of(options, question.scenario.serving.level);
  if (!question.fits()) return row;
  FittedTraffic fitted = load_traffic_of(question);
  const auto traffics =
      drawn(question, replications_of(options, question), std::move(fitted.loaded.traffic));
  row.capacity = options.checked(
      "traffic", [&] { return analysis::capacity(question.setup, traffics, target, ladder); });
  return row;
}

Answer run(const ParsedOptions& options, const Console& console) {
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  const analysis::LoadLadder ladder = ladder_of(options);
  const auto load = load_of(options);
  Progress progress(console);
  std::vector<analysis::CapacityRow> rows;
  std::string what;
  analysis::CapacityTarget target;
  for (const topology::Rig& rig : read_rigs(options, catalog)) {
    for (const ParsedOptions& each : by_plan(options)) {
      progress.show(rig.name);
      const ServingQuestion question = read_serving_question(each, catalog, rig);
      target = target_of(each, question.scenario.serving.level);
      what = fmt::format("{} {} on {}, {}", question.scenario.model.name,
                         question.scenario.weights.name, question.scenario.engine,
                         question.scenario.traffic.text);
      rows.push_back(row_of(each, question, ladder));
      if (rig.devices.size() == 1) break;  // all plans are the same
    }
  }
  const auto holds = [](const analysis::CapacityRow& row) { return row.capacity.has_value(); };
  const ExitCode code = std::ranges::any_of(rows, holds) ? ExitCode::kDone : ExitCode::kDoesNotFit;
  if (!options.has("json")) return {capacity_text(rows, target, load, what, console), code};
  Json json{{"version", build_info().version},
            {"commit", build_info().commit},
            {"question", what},
            {"percentile", target.good ? Json() : Json(target.percentile)},
            {"good_fraction", target.good ? Json(*target.good) : Json()},
            {"rows", Json::array()}};
  for (const analysis::CapacityRow& row : rows) json["rows"].push_back(analysis::to_json(row));
  if (load) {
    const auto best = analysis::cheapest_that_serves(rows, *load);
    json["load_requests_per_s"] = *load;
    json["cheapest_row"] = best ? Json(*best) : Json();
  }
  return {json.dump(2) + '\n', code};
}

}  // namespace

Command capacity_command() {
  Command command{
      .name = "capacity",
      .summary = "the highest request rate that rigs serve within limits, and the cheapest rig",
      .usage =
          "--rig RIG [--rig RIG ...] --model MODEL --weights FORMAT --traffic TRAFFIC --slo "
          "LIMITS [OPTIONS]",
      .about =
          "Replays the traffic as \"rigsim serve\" does, faster and slower as a whole, and "
          "searches "
          "for the highest rate at which the limits of --slo hold: for the 99th percentile of "
          "each, "
          "or for a share of the requests (--goodput). Made-up traffic is drawn five times. With "
          "--load, which of the rigs is the cheapest that serves it. Exit code 4: no rig holds the "
          "model.",
      .examples =
          "  rigsim capacity --rig a100-80gb-sxm --rig 2xa6000 --model llama-3-8b --weights bf16 "
          "--engine vllm --traffic poisson:1/s --slo ttft=2s,tpot=60ms --load 5/s\n"
          "  rigsim capacity --rig 4xrtx-4090 --plan tp=4 --plan dp=4 --model llama-3-8b --weights "
          "bf16 --engine vllm --traffic trace.jsonl --slo ttft=1s --goodput 95",
      .options = {{"rig", "RIG", "name, [N x]device[-link][@LIMIT], or YAML file; repeat it", true},
                  {"plan", "PLAN", "split over the devices; repeat it", true},
                  {"traffic", "TRAFFIC",
                   "a trace, or poisson:1/s, ...: its rate is where the "
                   "search begins"},
                  {"percentile", "P", "of each latency that has a limit (default 99)"},
                  {"goodput", "P", "instead: so many per cent of the requests keep all limits"},
                  {"precision", "P", "between the rates that are tried, in per cent (default 1)"},
                  {"load", "RATE", "which is the cheapest rig for it: 10/s, 300/min"}},
      .arguments = {},
      .run = run};
  constexpr std::array<std::string_view, 6> kWanted{"model",  "weights", "kv-cache",
                                                    "engine", "context", "catalog"};
  for (OptionSpec& option : scenario_options()) {
    if (std::ranges::find(kWanted, option.name) != kWanted.end())
      command.options.push_back(std::move(option));
  }
  command.options.push_back({"prompt", "N", "of made-up traffic (default 1024)"});
  command.options.push_back({"output-tokens", "N", "of made-up traffic (default 128)"});
  constexpr std::array<std::string_view, 3> kNotHere{"warmup", "cold-start", "exact-steps"};
  for (OptionSpec& option : serving_options()) {
    if (std::ranges::find(kNotHere, option.name) == kNotHere.end())
      command.options.push_back(std::move(option));
  }
  for (OptionSpec& option : traffic_options()) command.options.push_back(std::move(option));
  command.options.push_back({"truncate", "", "shorten requests that a replica cannot hold"});
  command.options.push_back({"json", "", "one JSON document instead of tables"});
  return command;
}

}  // namespace rigsim::cli
