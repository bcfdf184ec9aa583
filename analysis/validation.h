#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "analysis/error_statistics.h"
#include "analysis/figure.h"
#include "configs/measured_rows.h"

namespace rigsim::analysis {

/// What the simulator says of a measured row, in tokens per second of all sequences.
struct Prediction {
  Figure tokens_per_s;
  workloads::Backend backend = workloads::Backend::kCuda;
};

/// Predicts a scored row. Called from several threads at once.
using Predictor = std::function<Prediction(const configs::MeasuredRow&)>;

struct ValidationRow {
  configs::MeasuredRow row;
  Figure predicted;
  workloads::Backend backend = workloads::Backend::kCuda;
  double error = 0;  ///< predicted / measured - 1
};

/// How well one group of rows was predicted. A group that is not by a property says "all" there.
struct ValidationSummary {
  std::string backend;   ///< "all", "gpu" (cuda and metal), "cuda", "metal", "cpu"
  std::string evidence;  ///< "all", "measured", "fitted", "datasheet"
  std::string engine;
  std::string device;
  std::string phase;  ///< "decode" or "prefill"
  ErrorStatistics statistics;
};

struct ValidationReport {
  std::string mode;  ///< as in ValidationOptions
  std::vector<ValidationRow> rows;
  std::vector<ValidationSummary> summary;  ///< from the whole to single devices
  std::vector<configs::MeasuredRow> excluded;
};

struct ValidationOptions {
  std::string mode = "as shipped";  ///< what the predictor knows, for the reader of the report
  int threads = 0;                  ///< at most; 0: as many as the machine has
};

/// Predicts every scored row, in parallel, and compares. The report does not depend on the number
/// of threads: rows keep their order, and of several errors the first row's is thrown.
/// Throws std::invalid_argument for no scored rows or threads < 0, and what `predict` throws.
[[nodiscard]] ValidationReport validate(std::span<const configs::MeasuredRow> rows,
                                        const Predictor& predict,
                                        const ValidationOptions& options = {});

/// `{mode, rows[], summary[], excluded[]}`; rows with device, rig, engine, model, weights, phase,
/// lengths, `predicted {value, low, high, evidence}`, measured, error, inside_band, source.
[[nodiscard]] nlohmann::ordered_json validation_json(const ValidationReport& report);

/// The report for people: every row, the excluded rows counted by reason, then the summary.
[[nodiscard]] std::string validation_table(const ValidationReport& report);

}  // namespace rigsim::analysis
