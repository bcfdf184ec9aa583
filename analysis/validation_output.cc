#include <fmt/format.h>

#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "analysis/validation.h"

namespace rigsim::analysis {
namespace {

using configs::MeasuredPhase;
using configs::MeasuredRow;
using nlohmann::ordered_json;

/// What was run, in the order a reader wants it.
ordered_json identity(const MeasuredRow& row) {
  ordered_json out = {{"device", row.device},
                      {"rig", row.rig},
                      {"engine", row.engine},
                      {"model", row.model},
                      {"weights", row.weights},
                      {"phase", to_string(row.phase)},
                      {"prompt_tokens", row.prompt_tokens},
                      {"output_tokens", row.output_tokens},
                      {"context_depth", row.context_depth},
                      {"batch", row.batch}};
  if (row.threads) out["threads"] = *row.threads;
  return out;
}

void add_source(ordered_json& out, const MeasuredRow& row) {
  out["source"] = row.source;
  out["source_place"] = row.source_place;
  out["date"] = row.date;
  if (!row.note.empty()) out["note"] = row.note;
}

ordered_json row_json(const ValidationRow& row) {
  ordered_json out = identity(row.row);
  out["predicted"] = figure_json(row.predicted);
  out["measured"] = row.row.tokens_per_s;
  if (row.row.stddev) out["stddev"] = *row.row.stddev;
  out["error"] = row.error;
  out["inside_band"] = row.predicted.holds(row.row.tokens_per_s);
  add_source(out, row.row);
  return out;
}

ordered_json summary_json(const ValidationSummary& summary) {
  const ErrorStatistics& s = summary.statistics;
  return {{"backend", summary.backend},
          {"evidence", summary.evidence},
          {"engine", summary.engine},
          {"device", summary.device},
          {"phase", summary.phase},
          {"rows", s.count},
          {"median", s.median},
          {"p90", s.p90},
          {"worst", s.worst},
          {"bias", s.bias},
          {"band_coverage", s.band_coverage},
          {"median_half_width", s.median_half_width}};
}

ordered_json excluded_json(const MeasuredRow& row) {
  ordered_json out = identity(row);
  out["measured"] = row.tokens_per_s > 0 ? ordered_json(row.tokens_per_s) : ordered_json();
  out["reason"] = row.exclusion;
  add_source(out, row);
  return out;
}

/// "512", "128 at 4096", "8 x 128": what a row timed.
std::string length_of(const MeasuredRow& row) {
  std::string out =
      std::to_string(row.phase == MeasuredPhase::kPrefill ? row.prompt_tokens : row.output_tokens);
  if (row.batch > 1) out = fmt::format("{} x {}", row.batch, out);
  if (row.context_depth > 0) out += fmt::format(" at {}", row.context_depth);
  return out;
}

void write_row(std::string& out, const ValidationRow& row) {
  const Figure& p = row.predicted;
  fmt::format_to(std::back_inserter(out),
                 "{:<20} {:<13} {:<7} {:<7} {:>12} {:>9.5g} {:>9.5g} {:>+7.1f} %{} {}\n",
                 row.row.rig, row.row.model, row.row.weights, to_string(row.row.phase),
                 length_of(row.row), p.value, row.row.tokens_per_s, 100 * row.error,
                 p.holds(row.row.tokens_per_s) ? ' ' : '!', to_string(p.evidence));
}

void write_summary(std::string& out, const ValidationSummary& summary) {
  const ErrorStatistics& s = summary.statistics;
  fmt::format_to(
      std::back_inserter(out),
      "{:<7} {:<9} {:<17} {:<16} {:<7} {:>4} {:>6.1f} {:>6.1f} {:>6.1f} {:>+6.1f} {:>6.0f} "
      "{:>6.1f}\n",
      summary.backend, summary.evidence, summary.engine, summary.device, summary.phase, s.count,
      100 * s.median, 100 * s.p90, 100 * s.worst, 100 * s.bias, 100 * s.band_coverage,
      100 * s.median_half_width);
}

/// A reason up to its details: "suspect: ..." counts as "suspect".
std::string kind_of(const std::string& reason) { return reason.substr(0, reason.find(':')); }

void write_excluded(std::string& out, const std::vector<MeasuredRow>& excluded) {
  std::map<std::string, int> reasons;
  for (const MeasuredRow& row : excluded) ++reasons[kind_of(row.exclusion)];
  fmt::format_to(std::back_inserter(out), "\nNot scored ({}), by reason:\n", excluded.size());
  for (const auto& [reason, count] : reasons) {
    fmt::format_to(std::back_inserter(out), "{:>5}  {}\n", count, reason);
  }
}

}  // namespace

ordered_json validation_json(const ValidationReport& report) {
  ordered_json out = {{"mode", report.mode},
                      {"rows", ordered_json::array()},
                      {"summary", ordered_json::array()},
                      {"excluded", ordered_json::array()}};
  for (const ValidationRow& row : report.rows) out["rows"].push_back(row_json(row));
  for (const ValidationSummary& entry : report.summary) {
    out["summary"].push_back(summary_json(entry));
  }
  for (const MeasuredRow& row : report.excluded) out["excluded"].push_back(excluded_json(row));
  return out;
}

std::string validation_table(const ValidationReport& report) {
  std::string out = fmt::format(
      "Predicted against measured tokens/s, {}. \"!\": outside the 90 % band.\n\n"
      "{:<20} {:<13} {:<7} {:<7} {:>12} {:>9} {:>9} {:>9}  {}\n",
      report.mode, "rig", "model", "weights", "phase", "tokens", "predicted", "measured", "error",
      "evidence");
  for (const ValidationRow& row : report.rows) write_row(out, row);
  if (!report.excluded.empty()) write_excluded(out, report.excluded);
  fmt::format_to(
      std::back_inserter(out),
      "\nErrors in %: median, 90th percentile and worst of their size, bias (median with "
      "sign), band coverage, band half-width.\n"
      "{:<7} {:<9} {:<17} {:<16} {:<7} {:>4} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6}\n",
      "backend", "evidence", "engine", "device", "phase", "rows", "median", "p90", "worst", "bias",
      "in", "+-");
  for (const ValidationSummary& summary : report.summary) write_summary(out, summary);
  return out;
}

}  // namespace rigsim::analysis
