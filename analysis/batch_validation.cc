#include "analysis/batch_validation.h"

#include <tbb/parallel_for.h>

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "analysis/batch_curve.h"
#include "configs/catalog.h"

namespace rigsim::analysis {
namespace {

using configs::BatchRow;

void predict_all(std::vector<BatchResult>& results, const BatchPredictor& predict) {
  std::vector<std::exception_ptr> errors(results.size());
  tbb::parallel_for(std::size_t{0}, results.size(), [&](std::size_t i) {
    try {
      results[i].predicted = predict(results[i].row);
    } catch (...) {
      errors[i] = std::current_exception();
    }
  });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

/// Compares the rows [begin, end) of one series.
void compare(std::span<BatchResult> rows, BatchReport& report) {
  std::vector<BatchPoint> measured;
  std::vector<BatchPoint> predicted;
  for (BatchResult& result : rows) {
    const double rate = result.predicted.tokens_per_s.value;
    result.error = rate / result.row.tokens_per_s - 1;
    if (!measured.empty()) {
      result.shape = shape_error(rate, predicted.front().tokens_per_s, result.row.tokens_per_s,
                                 measured.front().tokens_per_s);
    }
    const double batch = result.row.batch.value_or(0);
    measured.push_back({batch, result.row.tokens_per_s});
    predicted.push_back({batch, rate});
  }
  if (rows.size() < 2) return;
  BatchSeries series;
  series.set = rows.front().row.set;
  series.series = rows.front().row.series;
  for (const BatchPoint& point : measured) series.batches.push_back(point.batch);
  series.measured_knee = knee(measured);
  series.predicted_knee = knee(predicted);
  report.series.push_back(std::move(series));
}

void compare_series(BatchReport& report) {
  const std::span<BatchResult> rows(report.rows);
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin + 1;
    while (end < rows.size() && rows[end].row.series == rows[begin].row.series) ++end;
    compare(rows.subspan(begin, end - begin), report);
    begin = end;
  }
}

BatchSummary summary_of(const BatchReport& report, const std::string& set) {
  const auto counts = [&](const std::string& of) { return set == "all" || set == of; };
  std::vector<ErrorSample> level;
  std::vector<ErrorSample> shape;
  BatchSummary out;
  out.set = set;
  for (const BatchResult& result : report.rows) {
    if (!counts(result.row.set)) continue;
    const Figure& rate = result.predicted.tokens_per_s;
    level.push_back(
        {result.error, rate.holds(result.row.tokens_per_s), rate.relative_half_width()});
    if (result.shape) shape.push_back({*result.shape, false, 0});
  }
  for (const BatchSeries& series : report.series) {
    if (!counts(series.set)) continue;
    ++out.series;
    const int close = series.steps_off() <= 1 ? 1 : 0;
    out.knees_within_one += close;
    if (!series.measured_knee) continue;
    ++out.inner_knees;
    out.inner_knees_within_one += close;
  }
  out.level = summarise(level);
  if (!shape.empty()) out.shape = summarise(shape);
  return out;
}

}  // namespace

std::size_t BatchSeries::steps_off() const {
  return knee_distance(measured_knee, predicted_knee, batches.size());
}

BatchReport validate_batches(std::span<const BatchRow> rows, const BatchPredictor& predict) {
  BatchReport report;
  std::vector<std::string> sets;
  for (const BatchRow& row : rows) {
    if (!row.scored()) {
      report.excluded.push_back(row);
      continue;
    }
    report.rows.push_back({.row = row, .predicted = {}, .shape = {}});
    if (std::ranges::find(sets, row.set) == sets.end()) sets.push_back(row.set);
  }
  predict_all(report.rows, predict);
  compare_series(report);
  if (report.rows.empty()) return report;
  report.summaries.push_back(summary_of(report, "all"));
  for (const std::string& set : sets) report.summaries.push_back(summary_of(report, set));
  return report;
}

BatchReport validate_batches(std::span<const BatchRow> rows) {
  const configs::Catalog catalog = configs::Catalog::load();
  std::map<std::string, configs::EngineFile> engines;
  for (const BatchRow& row : rows) {
    if (row.scored() && !engines.contains(row.engine))
      engines.emplace(row.engine, configs::engine_named(row.engine));
  }
  return validate_batches(
      rows, [&](const BatchRow& row) { return replay(row, engines.at(row.engine), catalog); });
}

}  // namespace rigsim::analysis
