#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "analysis/batch_validation.h"

namespace rigsim::analysis {
namespace {

using configs::BatchRow;
using nlohmann::ordered_json;

template <class T>
ordered_json or_null(const std::optional<T>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json identity(const BatchRow& row) {
  return {{"set", row.set},
          {"series", row.series},
          {"rig", row.rig},
          {"plan", row.plan},
          {"engine", row.engine},
          {"model", row.model},
          {"weights", row.weights},
          {"kv_cache", row.kv_format},
          {"sampling", row.top_p ? "top-p" : "greedy"},
          {"measure", to_string(row.measure)},
          {"prompt_tokens", row.prompt_tokens},
          {"output_tokens", row.output_tokens},
          {"requests", row.requests},
          {"limit", or_null(row.limit)},
          {"batch", or_null(row.batch)},
          {"measured", row.tokens_per_s}};
}

void add_source(ordered_json& out, const BatchRow& row) {
  out["source"] = row.source;
  out["source_place"] = row.source_place;
  out["date"] = row.date;
  if (!row.note.empty()) out["note"] = row.note;
}

ordered_json row_json(const BatchResult& result) {
  ordered_json out = identity(result.row);
  out["predicted"] = figure_json(result.predicted.tokens_per_s);
  out["predicted_batch"] = result.predicted.mean_batch;
  out["predicted_decode_step_s"] = result.predicted.decode_step_s;
  out["error"] = result.error;
  out["shape_error"] = or_null(result.shape);
  add_source(out, result.row);
  return out;
}

ordered_json series_json(const BatchSeries& series) {
  const auto batch = [&](const std::optional<std::size_t>& at) {
    return at ? ordered_json(series.batches[*at]) : ordered_json();
  };
  return {{"set", series.set},
          {"series", series.series},
          {"batches", series.batches},
          {"measured_knee", batch(series.measured_knee)},
          {"predicted_knee", batch(series.predicted_knee)},
          {"steps_off", series.steps_off()}};
}

ordered_json statistics_json(const ErrorStatistics& statistics) {
  return {{"rows", statistics.count},
          {"median", statistics.median},
          {"p90", statistics.p90},
          {"worst", statistics.worst},
          {"bias", statistics.bias}};
}

ordered_json summary_json(const BatchSummary& summary) {
  ordered_json out = {{"set", summary.set}, {"level", statistics_json(summary.level)}};
  out["level"]["band_coverage"] = summary.level.band_coverage;
  out["shape"] = summary.shape ? statistics_json(*summary.shape) : ordered_json();
  out["series"] = summary.series;
  out["knees_within_one_step"] = summary.knees_within_one;
  out["knees_on_the_curve"] = summary.inner_knees;
  out["knees_on_the_curve_within_one_step"] = summary.inner_knees_within_one;
  return out;
}

std::string batch_text(std::optional<double> batch) {
  return batch ? fmt::format("{:.0f}", *batch) : "-";
}

std::string percent(std::optional<double> share) {
  return share ? fmt::format("{:+.1f} %", 100 * *share) : "";
}

void add_row(std::string& out, const BatchResult& result) {
  fmt::format_to(std::back_inserter(out), "  {:>6} {:>10.1f} {:>10.1f} {:>9} {:>9}\n",
                 batch_text(result.row.batch), result.row.tokens_per_s,
                 result.predicted.tokens_per_s.value, percent(result.error), percent(result.shape));
}

std::string knee_text(const BatchSeries& series, const std::optional<std::size_t>& at) {
  return at ? fmt::format("at {:.0f}", series.batches[*at])
            : fmt::format("beyond {:.0f}", series.batches.back());
}

void add_knee(std::string& out, const BatchSeries& series) {
  fmt::format_to(std::back_inserter(out), "  knee measured {}, predicted {}\n",
                 knee_text(series, series.measured_knee), knee_text(series, series.predicted_knee));
}

void add_summary(std::string& out, const BatchSummary& summary) {
  const ErrorStatistics& level = summary.level;
  fmt::format_to(std::back_inserter(out), "{:<22} {:>4} rows  level {:>5.1f} {:>5.1f} %",
                 summary.set, level.count, 100 * level.median, 100 * level.p90);
  if (summary.shape) {
    fmt::format_to(std::back_inserter(out),
                   "  shape {:>5.1f} {:>5.1f} %  knee within one step {} of {}",
                   100 * summary.shape->median, 100 * summary.shape->p90, summary.knees_within_one,
                   summary.series);
  }
  out += '\n';
}

}  // namespace

ordered_json batch_report_json(const BatchReport& report) {
  ordered_json out = {{"rows", ordered_json::array()},
                      {"series", ordered_json::array()},
                      {"summary", ordered_json::array()},
                      {"excluded", ordered_json::array()}};
  for (const BatchResult& result : report.rows) out["rows"].push_back(row_json(result));
  for (const BatchSeries& series : report.series) out["series"].push_back(series_json(series));
  for (const BatchSummary& summary : report.summaries)
    out["summary"].push_back(summary_json(summary));
  for (const BatchRow& row : report.excluded) {
    ordered_json entry = identity(row);
    entry["reason"] = row.exclusion;
    add_source(entry, row);
    out["excluded"].push_back(std::move(entry));
  }
  return out;
}

std::string batch_report_table(const BatchReport& report) {
  std::string out;
  auto series = report.series.begin();
  for (std::size_t i = 0; i < report.rows.size(); ++i) {
    const BatchRow& row = report.rows[i].row;
    if (i == 0 || report.rows[i - 1].row.series != row.series) {
      fmt::format_to(std::back_inserter(out),
                     "{}: {}\n   batch   measured  predicted     level     shape\n", row.set,
                     row.series);
    }
    add_row(out, report.rows[i]);
    const bool last = i + 1 == report.rows.size() || report.rows[i + 1].row.series != row.series;
    if (last && series != report.series.end() && series->series == row.series)
      add_knee(out, *series++);
  }
  if (!report.excluded.empty())
    fmt::format_to(std::back_inserter(out), "\nNot scored: {} rows; --json says why.\n",
                   report.excluded.size());
  out += "\nMedian and 90th percentile of the errors; shape: relative to the lowest batch\n";
  for (const BatchSummary& summary : report.summaries) add_summary(out, summary);
  return out;
}

}  // namespace rigsim::analysis
