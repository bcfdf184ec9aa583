#include "cli/pipeline_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "configs/config_error.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

using configs::Zero;
using sim::Duration;
using workloads::ChunkTime;
using workloads::PipelinePlan;
using workloads::PipelineSchedule;
using workloads::PipelineShape;

constexpr std::int64_t kMostStages = 4096;
constexpr std::int64_t kMostRepeats = 1'000'000;

[[noreturn]] void fail(std::string_view option, const std::string& message) {
  throw configs::ConfigError({{}, 0, 0, fmt::format("--{}", option)}, message);
}

PipelineSchedule schedule_named(const std::string& name) {
  std::vector<std::string> names;
  for (const auto schedule : {PipelineSchedule::kSerial, PipelineSchedule::kInference,
                              PipelineSchedule::kGpipe, PipelineSchedule::kOneForwardOneBackward,
                              PipelineSchedule::kInterleaved, PipelineSchedule::kZeroBubbleH1}) {
    names.emplace_back(workloads::to_string(schedule));
    if (configs::normalised(name) == configs::normalised(names.back())) return schedule;
  }
  const std::string hint = configs::did_you_mean(name, names);
  fail("schedule", fmt::format("unknown schedule {}{} allowed are {}", configs::in_quotes(name),
                               hint.empty() ? ";" : hint, fmt::join(names, ", ")));
}

/// A list of times, "10 ms,12ms".
std::optional<std::vector<Duration>> times(const ParsedOptions& options, std::string_view name,
                                           Zero zero) {
  const auto text = options.text(name);
  if (!text) return std::nullopt;
  std::vector<Duration> result;
  for (std::size_t at = 0; at <= text->size();) {
    const std::size_t comma = std::min(text->find(',', at), text->size());
    result.push_back(options.checked(name, [&] {
      return configs::parse_quantity<Duration>(text->substr(at, comma - at), zero);
    }));
    at = comma + 1;
  }
  return result;
}

/// One time for each stage, from one for all or one each.
std::vector<Duration> for_each_stage(std::vector<Duration> given, std::string_view name,
                                     std::size_t stages) {
  if (given.size() == 1) given.resize(stages, given.front());
  if (given.size() != stages) {
    fail(name, fmt::format("{} times for {} stages; one for all or one for each is needed",
                           given.size(), stages));
  }
  return given;
}

std::vector<Duration> forward_times(const ParsedOptions& options) {
  if (options.has("stage-times") && options.has("forward")) {
    fail("stage-times", "gives the forward times, and so does --forward; one of them is needed");
  }
  const std::string_view name = options.has("stage-times") ? "stage-times" : "forward";
  const auto given = times(options, name, Zero::kRefused);
  if (!given) fail("forward", "is needed, such as 10ms, or --stage-times 10ms,12ms,11ms,10ms");
  const auto stages = options.count("stages", 1, kMostStages);
  if (!stages && given->size() == 1) fail("stages", "is needed, such as 4");
  return for_each_stage(*given, name, stages ? static_cast<std::size_t>(*stages) : given->size());
}

/// Forward, backward and weight-gradient time of each stage, for one micro-batch.
std::vector<ChunkTime> stage_times(const ParsedOptions& options, PipelineSchedule schedule) {
  const std::vector<Duration> forward = forward_times(options);
  std::vector<ChunkTime> stages;
  for (const Duration each : forward) stages.push_back({each, {}, {}});
  if (!workloads::has_backward(schedule)) {
    for (const std::string_view name : {"backward", "weight-gradient"}) {
      if (options.has(name)) {
        fail(name,
             fmt::format("the {} schedule has no backward passes", workloads::to_string(schedule)));
      }
    }
    return stages;
  }
  auto backward = times(options, "backward", Zero::kAllowed);
  auto weight = times(options, "weight-gradient", Zero::kAllowed);
  if (backward) backward = for_each_stage(std::move(*backward), "backward", stages.size());
  if (weight) weight = for_each_stage(std::move(*weight), "weight-gradient", stages.size());
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Duration whole = backward ? (*backward)[i] : 2 * stages[i].forward;
    stages[i].backward_weight = weight ? (*weight)[i] : whole / 2;
    stages[i].backward_input = whole - stages[i].backward_weight;
    if (stages[i].backward_input < Duration::zero()) {
      fail("weight-gradient",
           fmt::format("{} of stage {} is part of the backward and may not be above its {}",
                       configs::to_text(stages[i].backward_weight), i, configs::to_text(whole)));
    }
  }
  return stages;
}

/// The part of `whole` that chunk `chunk` of `chunks` takes: all parts add up to it.
Duration part(Duration whole, std::uint32_t chunk, std::uint32_t chunks) {
  const std::int64_t each = whole.count() / chunks;
  return Duration(each + (chunk < whole.count() % chunks));
}

std::vector<ChunkTime> spread(const std::vector<ChunkTime>& stages, std::uint32_t chunks) {
  std::vector<ChunkTime> positions;
  for (std::uint32_t chunk = 0; chunk < chunks; ++chunk) {
    for (const ChunkTime& stage : stages) {
      positions.push_back({part(stage.forward, chunk, chunks),
                           part(stage.backward_input, chunk, chunks),
                           part(stage.backward_weight, chunk, chunks)});
    }
  }
  return positions;
}

void join_by_delays(PipelinePlan& plan, Duration transfer) {
  for (std::uint32_t i = 0; i + 1 < plan.shape.positions(); ++i) {
    plan.activations.emplace_back(sim::Delay{transfer});
    plan.gradients.emplace_back(sim::Delay{transfer});
  }
}

struct LinkOptions {
  sim::Bandwidth bandwidth;
  Duration latency;
  sim::Bytes activation;
};

std::optional<LinkOptions> link_options(const ParsedOptions& options) {
  const auto link = options.text("link");
  const auto activation = options.text("activation");
  if (!link) {
    for (const std::string_view name : {"activation", "latency"}) {
      if (options.has(name)) fail(name, "needs --link, such as 25GB/s");
    }
    return std::nullopt;
  }
  if (!activation) fail("link", "needs --activation, the bytes of a micro-batch, such as 64MB");
  if (options.has("transfer")) fail("link", "and --transfer both say what a transfer costs");
  LinkOptions result{};
  result.bandwidth =
      options.checked("link", [&] { return configs::parse_quantity<sim::Bandwidth>(*link); });
  result.activation = options.checked(
      "activation", [&] { return configs::parse_quantity<sim::Bytes>(*activation); });
  if (const auto latency = times(options, "latency", Zero::kAllowed)) {
    if (latency->size() != 1) fail("latency", "one time is needed");
    result.latency = latency->front();
  }
  return result;
}

void join_by_links(PipelinePlan& plan, const LinkOptions& link) {
  const std::uint32_t stages = plan.shape.stages;
  std::vector<sim::RouteId> down;  // from each stage to the next, the last to the first
  std::vector<sim::RouteId> up;
  for (std::uint32_t stage = 0; stage < stages; ++stage) {
    down.push_back(plan.network.add_route({plan.network.add_link(link.bandwidth, link.latency)}));
    up.push_back(plan.network.add_route({plan.network.add_link(link.bandwidth, link.latency)}));
  }
  for (std::uint32_t i = 0; i + 1 < plan.shape.positions(); ++i) {
    if (stages == 1) {  // the chunks of one device are in one memory
      plan.activations.emplace_back(sim::Delay{});
      plan.gradients.emplace_back(sim::Delay{});
      continue;
    }
    plan.activations.emplace_back(sim::Transfer{down[i % stages], link.activation});
    plan.gradients.emplace_back(sim::Transfer{up[i % stages], link.activation});
  }
}

/// All passes one after the other must stay within the clock's 106 days: then sums of them do.
void check_clock(const PipelinePlan& plan) {
  constexpr double kMost = 106 * 86'400.0;
  double seconds = 0;
  for (const ChunkTime& each : plan.times) {
    seconds += sim::to_seconds(each.forward) + sim::to_seconds(each.backward_input) +
               sim::to_seconds(each.backward_weight);
  }
  seconds *= static_cast<double>(plan.shape.micro_batches) * plan.shape.rounds;
  if (seconds > kMost) {
    fail("forward", fmt::format("the passes add up to {:.3g} s, at most {:.3g} s are allowed",
                                seconds, kMost));
  }
}

PipelineShape read_shape(const ParsedOptions& options) {
  const auto count = [&](std::string_view name, std::int64_t otherwise) {
    return static_cast<std::uint32_t>(options.count(name, 1, kMostRepeats).value_or(otherwise));
  };
  PipelineShape shape;
  shape.schedule = schedule_named(options.needed("schedule"));
  shape.micro_batches = count("micro-batches", 1);
  shape.chunks = count("chunks", shape.schedule == PipelineSchedule::kInterleaved ? 2 : 1);
  shape.rounds = count("rounds", 1);
  return shape;
}

}  // namespace

std::vector<OptionSpec> pipeline_options() {
  return {{"schedule", "NAME", "serial, inference, gpipe, 1f1b, interleaved or zb-h1"},
          {"stages", "N", "devices in a row (default: as many as --stage-times)"},
          {"micro-batches", "N", "of one step; of serial: requests (default 1)"},
          {"forward", "TIME", "of one micro-batch on one stage, such as 10ms"},
          {"stage-times", "TIME,...", "instead, the forward time of each stage"},
          {"backward", "TIME[,...]", "for all or for each stage (default: twice the forward)"},
          {"weight-gradient", "TIME[,...]", "part of it that no stage waits for (default: half)"},
          {"chunks", "N", "of the model on each stage, interleaved only (default 2)"},
          {"rounds", "N", "forward only: output tokens of each micro-batch (default 1)"},
          {"link", "RATE", "between neighbours, in each direction, such as 25GB/s"},
          {"activation", "SIZE", "what a micro-batch sends on, and its gradient back"},
          {"latency", "TIME", "of the link (default 0)"},
          {"transfer", "TIME", "instead of a link: what every transfer takes"}};
}

PipelinePlan read_pipeline(const ParsedOptions& options) {
  PipelinePlan plan;
  plan.shape = read_shape(options);
  const auto stages = stage_times(options, plan.shape.schedule);
  plan.shape.stages = static_cast<std::uint32_t>(stages.size());
  try {
    check(plan.shape);
  } catch (const std::invalid_argument& error) {
    fail("schedule", error.what());
  }
  plan.times = spread(stages, plan.shape.chunks);
  check_clock(plan);
  if (const auto link = link_options(options)) {
    join_by_links(plan, *link);
  } else if (const auto transfer = times(options, "transfer", Zero::kAllowed)) {
    if (transfer->size() != 1) fail("transfer", "one time is needed");
    join_by_delays(plan, transfer->front());
  }
  return plan;
}

}  // namespace rigsim::cli
