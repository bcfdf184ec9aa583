#include "cli/sweep_table.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cli/number_text.h"
#include "cli/table.h"
#include "configs/point_id.h"
#include "configs/quantity_parser.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using analysis::PointStatus;
using analysis::SweepPoint;
using configs::SweepAxis;
using configs::SweepPlan;
using configs::SweepRun;

/// A metric as the table shows it.
struct Shown {
  std::string_view metric;
  std::string_view header;
  double scale = 1;  ///< of what is shown
};

std::vector<Shown> shown(SweepRun run) {
  constexpr double kMilli = 1e3, kGiga = 1e-9, kKilo = 1e-3;
  if (run == SweepRun::kServe)
    return {{"output_tokens_per_s", "tokens/s"},
            {"requests_per_s", "requests/s"},
            {"ttft_p50_s", "TTFT p50 ms", kMilli},
            {"ttft_p99_s", "p99", kMilli},
            {"tpot_p50_s", "TPOT p50 ms", kMilli},
            {"tpot_p99_s", "p99", kMilli},
            {"good_requests_per_s", "good/s"},
            {"mean_batch", "batch"},
            {"busy_fraction", "busy"},
            {"energy_j", "kJ", kKilo}};
  return {{"decode_tokens_per_s", "decode tokens/s"},
          {"decode_tokens_per_s_low", "low"},
          {"decode_tokens_per_s_high", "high"},
          {"prefill_tokens_per_s", "prefill tokens/s"},
          {"ttft_s", "TTFT ms", kMilli},
          {"tpot_s", "TPOT ms", kMilli},
          {"exposed_transfer_fraction", "link"},
          {"bubble_fraction", "bubble"},
          {"headroom_bytes", "free GB", kGiga}};
}

std::size_t index_of(SweepRun run, std::string_view name) {
  std::size_t i = 0;
  while (analysis::sweep_metrics(run)[i].name != name) ++i;
  return i;
}

const std::string& axis_text(const SweepPlan& plan, const SweepAxis& axis,
                             const SweepPoint& point) {
  return axis.text(plan.value_of(point.combination, axis));
}

Json number_json(const std::string& text) {
  const double number = configs::parse_number(text);
  constexpr double kMostWhole = 1e15;
  if (number == std::floor(number) && std::abs(number) < kMostWhole)
    return static_cast<std::int64_t>(number);
  return number;
}

std::string figure_text(const analysis::SweepCell& cell, double scale) {
  constexpr int kDigits = 4;
  const double value = std::get<double>(cell);
  return std::isnan(value) ? "-" : significant(value * scale, kDigits);
}

}  // namespace

std::string sweep_text(const SweepPlan& plan, std::span<const SweepPoint> points,
                       const Console& console) {
  constexpr std::size_t kReasonColumns = 60;
  Table table;
  for (const SweepAxis& axis : plan.axes)
    table.columns.push_back({axis.key, axis.numbers ? Align::kRight : Align::kLeft});
  const std::vector<Shown> figures = shown(plan.run);
  for (const Shown& figure : figures)
    table.columns.push_back({std::string(figure.header), Align::kRight});
  table.columns.push_back({""});
  for (const SweepPoint& point : points) {
    std::vector<std::string> cells;
    for (const SweepAxis& axis : plan.axes) cells.push_back(axis_text(plan, axis, point));
    for (const Shown& figure : figures)
      cells.push_back(
          figure_text(point.result.metrics[index_of(plan.run, figure.metric)], figure.scale));
    if (point.result.status == PointStatus::kDoesNotFit)
      cells.push_back(shortened("does not fit: " + point.result.reason, kReasonColumns));
    else
      cells.push_back(shortened(point.result.reason, kReasonColumns));
    table.rows.push_back(std::move(cells));
  }
  return to_text(table, console);
}

std::string summary_text(const analysis::SweepSummary& summary) {
  std::string text =
      fmt::format("{} points: {} done", summary.points, summary.with(PointStatus::kDone));
  const auto add = [&](PointStatus status, std::string_view what) {
    if (summary.with(status) > 0) text += fmt::format(", {} {}", summary.with(status), what);
  };
  add(PointStatus::kDoesNotFit, "do not fit");
  add(PointStatus::kRefused, "refused");
  add(PointStatus::kFailed, "failed");
  if (summary.reused > 0) text += fmt::format("; {} of them were there", summary.reused);
  if (summary.dropped > 0)
    text += fmt::format("; {} that were there are not in this sweep and dropped", summary.dropped);
  return text + ".\n";
}

Json point_json(const SweepPlan& plan, const SweepPoint& point) {
  Json json{{"id", configs::id_text(point.id)},
            {"status", to_string(point.result.status)},
            {"reason", point.result.reason.empty() ? Json() : Json(point.result.reason)},
            {"axes", Json::object()}};
  for (const SweepAxis& axis : plan.axes) {
    const std::string& text = axis_text(plan, axis, point);
    json["axes"][axis.key] = axis.numbers ? number_json(text) : Json(text);
  }
  const auto& metrics = analysis::sweep_metrics(plan.run);
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const analysis::SweepCell& cell = point.result.metrics[i];
    if (metrics[i].text) {
      const auto& text = std::get<std::string>(cell);
      json[metrics[i].name] = text.empty() ? Json() : Json(text);
    } else {
      const double value = std::get<double>(cell);
      json[metrics[i].name] = std::isnan(value) ? Json() : Json(value);
    }
  }
  return json;
}

}  // namespace rigsim::cli
