#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analysis/batch_replay.h"
#include "analysis/error_statistics.h"
#include "configs/batch_rows.h"

namespace rigsim::analysis {

/// A measured throughput and what the simulator says of it.
struct BatchResult {
  configs::BatchRow row;
  PredictedBatch predicted;
  double error = 0;             ///< predicted / measured - 1
  std::optional<double> shape;  ///< shape_error() against the first of its series; none: it is that
};

/// A series of increasing batches: knee() of what was measured, and of what was predicted at the
/// same batches. None: beyond the largest.
struct BatchSeries {
  std::string set;
  std::string series;
  std::vector<double> batches;
  std::optional<std::size_t> measured_knee;
  std::optional<std::size_t> predicted_knee;

  /// knee_distance() of the two.
  [[nodiscard]] std::size_t steps_off() const;
};

/// How far off one set of rows is.
struct BatchSummary {
  std::string set;  ///< or "all"
  ErrorStatistics level;
  std::optional<ErrorStatistics> shape;  ///< none: no series of several rows
  int series = 0;                        ///< with several rows
  int knees_within_one = 0;              ///< of these
  int inner_knees = 0;                   ///< of these, those whose measured knee lies on the curve
  int inner_knees_within_one = 0;
};

struct BatchReport {
  std::vector<BatchResult> rows;
  std::vector<BatchSeries> series;      ///< of at least two rows
  std::vector<BatchSummary> summaries;  ///< all, then by set, in the order of the rows
  std::vector<configs::BatchRow> excluded;
};

/// Predicts a row; called from several threads at once.
using BatchPredictor = std::function<PredictedBatch(const configs::BatchRow&)>;

/// Predicts all scored rows, in parallel, and compares. The report does not depend on the number of
/// threads. Throws what `predict` throws of the first row that throws.
[[nodiscard]] BatchReport validate_batches(std::span<const configs::BatchRow> rows,
                                           const BatchPredictor& predict);

/// replay() of each row with the engines and the catalogue that ship.
[[nodiscard]] BatchReport validate_batches(std::span<const configs::BatchRow> rows);

/// `{rows[], series[], summary[], excluded[]}`.
[[nodiscard]] nlohmann::ordered_json batch_report_json(const BatchReport& report);

/// The report for people: each series on one line per row, then the summary.
[[nodiscard]] std::string batch_report_table(const BatchReport& report);

}  // namespace rigsim::analysis
