#include "cli/pipeline_command.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/pipeline_options.h"
#include "cli/pipeline_timeline.h"
#include "cli/table.h"
#include "configs/config_error.h"
#include "workloads/overlap.h"
#include "workloads/pipeline_closed_form.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using sim::Duration;
using sim::to_seconds;
using workloads::ChunkTime;
using workloads::PipelinePlan;
using workloads::PipelineResult;
using workloads::PipelineSchedule;

constexpr std::size_t kUsualColumns = 80;

/// The published form of equal stages without transfers, for this plan's mean stage.
struct ClosedForm {
  std::optional<Duration> makespan;
  std::optional<double> bubble;
  bool applies = false;  ///< the stages are equal and there are no transfers
};

ChunkTime mean(const std::vector<ChunkTime>& times) {
  ChunkTime sum;
  for (const ChunkTime& each : times) {
    sum.forward += each.forward;
    sum.backward_input += each.backward_input;
    sum.backward_weight += each.backward_weight;
  }
  const auto count = static_cast<std::int64_t>(times.size());
  return {sum.forward / count, sum.backward_input / count, sum.backward_weight / count};
}

ClosedForm closed_form_of(const PipelinePlan& plan) {
  const ChunkTime each = mean(plan.times);
  ClosedForm form{closed_form_makespan(plan.shape, each), closed_form_bubble(plan.shape, each)};
  const bool equal = std::all_of(plan.times.begin(), plan.times.end(),
                                 [&](const ChunkTime& time) { return time == each; });
  form.applies = form.bubble && equal && plan.activations.empty();
  return form;
}

std::string_view formula(const workloads::PipelineShape& shape) {
  switch (shape.schedule) {
    case PipelineSchedule::kSerial:
      return "(p-1)/p";
    case PipelineSchedule::kInference:
      return shape.rounds == 1                     ? "(p-1)/(m+p-1)"
             : shape.micro_batches >= shape.stages ? "(p-1)/(r m+p-1)"
                                                   : "1-r m/(r p+m-1)";
    case PipelineSchedule::kGpipe:
    case PipelineSchedule::kOneForwardOneBackward:
      return "(p-1)/(m+p-1)";
    case PipelineSchedule::kInterleaved:
      return "(p-1)/(v m+p-1)";
    case PipelineSchedule::kZeroBubbleH1:
      return "(p-1)(F+B-W) of the makespan";
  }
  throw std::logic_error("unknown pipeline schedule");
}

workloads::Overlap communication(const PipelineResult& result) {
  std::vector<workloads::DeviceWork> work;
  std::vector<workloads::DeviceCopy> copies;
  for (const auto& span : result.spans) {
    if (span.op.transfer) {
      copies.push_back(
          {span.op.source, span.op.stage, span.start, span.end, span.on_critical_path});
    } else {
      work.push_back({span.op.stage, span.start, span.end});
    }
  }
  return overlap_of(work, copies, result.stages.size());
}

Json optional_number(const std::optional<double>& number) {
  return number ? Json(*number) : Json(nullptr);
}

Json op_json(const workloads::PipelineSpan& span) {
  const auto& [pass, transfer, stage, source] = span.op;
  Json json{{"kind", transfer ? "transfer" : workloads::to_string(pass.kind)}, {"stage", stage}};
  if (transfer) json["from_stage"] = source;
  json["micro_batch"] = pass.micro_batch;
  json["chunk"] = pass.chunk;
  json["round"] = pass.round;
  json["start_s"] = to_seconds(span.start.time_since_epoch());
  json["end_s"] = to_seconds(span.end.time_since_epoch());
  return json;
}

Json stages_json(const PipelineResult& result, const std::vector<std::uint32_t>& held) {
  Json stages = Json::array();
  for (std::size_t i = 0; i < result.stages.size(); ++i) {
    const auto& stage = result.stages[i];
    stages.push_back({{"stage", i},
                      {"busy_s", to_seconds(stage.busy)},
                      {"bubble_s", to_seconds(stage.bubble)},
                      {"fill_s", to_seconds(stage.fill)},
                      {"drain_s", to_seconds(stage.drain)},
                      {"imbalance_s", to_seconds(stage.imbalance)},
                      {"transfer_s", to_seconds(stage.transfer)},
                      {"most_activations", held[i]}});
  }
  return stages;
}

Json document(const PipelinePlan& plan, const PipelineResult& result,
              const std::vector<std::uint32_t>& held) {
  const ClosedForm form = closed_form_of(plan);
  const workloads::Overlap transfers = communication(result);
  Json json{{"version", build_info().version}, {"commit", build_info().commit}};
  json["schedule"] = workloads::to_string(plan.shape.schedule);
  json["micro_batches"] = plan.shape.micro_batches;
  json["chunks"] = plan.shape.chunks;
  json["rounds"] = plan.shape.rounds;
  json["makespan_s"] = to_seconds(result.makespan);
  json["bubble_fraction"] = bubble_fraction(result.stages);
  json["closed_form"] = {{"makespan_s", form.makespan ? Json(to_seconds(*form.makespan)) : Json()},
                         {"bubble_fraction", optional_number(form.bubble)},
                         {"applies", form.applies}};
  json["transfers"] = {{"total_s", to_seconds(transfers.copies)},
                       {"hidden_s", to_seconds(transfers.hidden)},
                       {"exposed_s", to_seconds(transfers.exposed)}};
  json["stages"] = stages_json(result, held);
  json["ops"] = Json::array();
  for (const auto& span : result.spans) json["ops"].push_back(op_json(span));
  return json;
}

/// A unit in which `longest` has one to three digits before the point.
struct TimeUnit {
  std::string_view name;
  double seconds;
};

TimeUnit unit_for(Duration longest) {
  const double seconds = to_seconds(longest);
  if (seconds >= 1) return {"s", 1};
  if (seconds >= 1e-3) return {"ms", 1e-3};
  return seconds >= 1e-6 ? TimeUnit{"us", 1e-6} : TimeUnit{"ns", 1e-9};
}

Table stages_table(const PipelineResult& result, const std::vector<std::uint32_t>& held,
                   const TimeUnit& unit) {
  Table table{{{"stage", Align::kRight},
               {fmt::format("busy {}", unit.name), Align::kRight},
               {"bubble", Align::kRight},
               {"%", Align::kRight},
               {"fill", Align::kRight},
               {"drain", Align::kRight},
               {"imbalance", Align::kRight},
               {"transfer", Align::kRight},
               {"activations", Align::kRight}},
              {}};
  const auto text = [&](Duration time) {
    return fmt::format("{:.3f}", to_seconds(time) / unit.seconds);
  };
  const double whole = std::max(to_seconds(result.makespan), 1e-12);
  for (std::size_t i = 0; i < result.stages.size(); ++i) {
    const auto& stage = result.stages[i];
    table.rows.push_back({std::to_string(i), text(stage.busy), text(stage.bubble),
                          fmt::format("{:.1f}", 100 * to_seconds(stage.bubble) / whole),
                          text(stage.fill), text(stage.drain), text(stage.imbalance),
                          text(stage.transfer), std::to_string(held[i])});
  }
  return table;
}

std::string closed_form_text(const PipelinePlan& plan) {
  const ClosedForm form = closed_form_of(plan);
  if (!form.bubble) return "No closed form: weight gradients are longer than what they fill.";
  return fmt::format("Closed form of equal stages without transfers, {}: {:.1f} %{}",
                     formula(plan.shape), 100 * *form.bubble,
                     form.applies ? "." : ", here with the mean stage.");
}

std::string text_of(const PipelinePlan& plan, const PipelineResult& result,
                    const std::vector<std::uint32_t>& held, std::size_t columns,
                    const Console& console) {
  const auto& shape = plan.shape;
  const TimeUnit unit = unit_for(result.makespan);
  const auto time = [&](Duration d) {
    return fmt::format("{:.3f} {}", to_seconds(d) / unit.seconds, unit.name);
  };
  std::string text = wrapped(fmt::format(
      "{}, {} stages, {} micro-batches{}{}: {}, bubble {:.1f} %. {}",
      workloads::to_string(shape.schedule), shape.stages, shape.micro_batches,
      shape.chunks > 1 ? fmt::format(", {} chunks", shape.chunks) : std::string(),
      shape.rounds > 1 ? fmt::format(", {} rounds", shape.rounds) : std::string(),
      time(result.makespan), 100 * bubble_fraction(result.stages), closed_form_text(plan)));
  text += '\n' + to_text(stages_table(result, held, unit), console);
  if (!plan.activations.empty()) {
    const workloads::Overlap transfers = communication(result);
    text += fmt::format("\nTransfers: {} in all, {} of it while an end computes, {} waited for.\n",
                        time(transfers.copies), time(transfers.hidden), time(transfers.exposed));
  }
  const std::string timeline = timeline_text(result, columns);
  return timeline.empty() ? text : text + '\n' + timeline;
}

std::size_t columns_of(const ParsedOptions& options) {
  if (const auto width = options.count("width", 20, 10'000)) {
    return static_cast<std::size_t>(*width);
  }
  winsize size{};
  const bool known = isatty(STDOUT_FILENO) == 1 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  return known && size.ws_col >= 20 ? size.ws_col : kUsualColumns;
}

/// Throws ConfigError where transfers carry the run beyond the clock.
PipelineResult result_of(const ParsedOptions& options, const PipelinePlan& plan) {
  try {
    return workloads::run_pipeline(plan);
  } catch (const std::out_of_range& error) {
    throw configs::ConfigError({{}, 0, 0, options.has("link") ? "--link" : "--transfer"},
                               error.what());
  }
}

Answer run(const ParsedOptions& options, const Console& console) {
  const PipelinePlan plan = read_pipeline(options);
  const PipelineResult result = result_of(options, plan);
  std::vector<std::uint32_t> held;
  for (const auto& order : stage_orders(plan.shape)) held.push_back(most_held(order));
  if (options.has("json")) return {document(plan, result, held).dump(2) + '\n'};
  return {text_of(plan, result, held, columns_of(options), console)};
}

}  // namespace

Command pipeline_command() {
  Command command{
      .name = "pipeline",
      .summary = "how long a pipeline schedule takes, and why its stages idle",
      .usage = "--schedule NAME --stages N --micro-batches N --forward TIME [OPTIONS]",
      .about =
          "Runs a schedule as events: each stage does its passes in the schedule's order, "
          "transfers share their links. A stage's bubble is what it waits for the pipeline to "
          "fill and to drain, for slower stages (imbalance), and for transfers; activations are "
          "the most it holds at once. Beside it the published closed form.",
      .examples =
          "  rigsim pipeline --schedule 1f1b --stages 4 --micro-batches 8 --forward 10ms\n"
          "  rigsim pipeline --schedule interleaved --stages 4 --micro-batches 8 --forward 10ms "
          "--chunks 2\n"
          "  rigsim pipeline --schedule inference --stage-times 10ms,12ms,10ms --micro-batches 6 "
          "--link 25GB/s --activation 64MB",
      .options = pipeline_options(),
      .arguments = {},
      .run = run};
  command.options.push_back({"width", "N", "columns of the timeline (default: the terminal's)"});
  command.options.push_back({"json", "", "one JSON document, with every op"});
  return command;
}

}  // namespace rigsim::cli
