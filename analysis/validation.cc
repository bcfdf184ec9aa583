#include "analysis/validation.h"

#include <fmt/format.h>
#include <tbb/info.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <exception>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace rigsim::analysis {
namespace {

using configs::MeasuredRow;
using workloads::Backend;

constexpr const char* kAll = "all";

/// Groups by rank first, so that a map of them goes from the whole to single devices.
struct Group {
  int rank = 0;
  std::string backend = kAll;
  std::string evidence = kAll;
  std::string engine = kAll;
  std::string device = kAll;
  std::string phase;

  [[nodiscard]] auto key() const {
    return std::tie(rank, backend, evidence, engine, device, phase);
  }
  friend bool operator<(const Group& a, const Group& b) { return a.key() < b.key(); }
};

std::vector<Group> groups_of(const ValidationRow& row) {
  const std::string phase(to_string(row.row.phase));
  const std::string backend = to_string(row.backend);
  std::vector<Group> groups = {
      {.rank = 0, .phase = phase},
      {.rank = 2, .backend = backend, .phase = phase},
      {.rank = 3, .evidence = to_string(row.predicted.evidence), .phase = phase},
      {.rank = 4, .engine = row.row.engine, .phase = phase},
      {.rank = 5, .engine = row.row.engine, .device = row.row.device, .phase = phase}};
  if (row.backend != Backend::kCpu) groups.push_back({.rank = 1, .backend = "gpu", .phase = phase});
  return groups;
}

std::vector<ValidationSummary> summaries(std::span<const ValidationRow> rows) {
  std::map<Group, std::vector<ErrorSample>> samples;
  for (const ValidationRow& row : rows) {
    const ErrorSample sample{row.error, row.predicted.holds(row.row.tokens_per_s),
                             row.predicted.relative_half_width()};
    for (const Group& group : groups_of(row)) samples[group].push_back(sample);
  }
  std::vector<ValidationSummary> out;
  for (const auto& [group, members] : samples) {
    out.push_back({group.backend, group.evidence, group.engine, group.device, group.phase,
                   summarise(members)});
  }
  return out;
}

/// Fills in the predictions of `rows` on `threads` threads.
void predict_all(std::vector<ValidationRow>& rows, const Predictor& predict, int threads) {
  std::vector<std::exception_ptr> errors(rows.size());
  const auto predict_one = [&](std::size_t i) {
    try {
      Prediction prediction = predict(rows[i].row);
      rows[i].predicted = std::move(prediction.tokens_per_s);
      rows[i].backend = prediction.backend;
      rows[i].error = rows[i].predicted.value / rows[i].row.tokens_per_s - 1;
    } catch (...) {
      errors[i] = std::current_exception();
    }
  };
  const int most = tbb::info::default_concurrency();  // TBB prints a warning beyond it
  tbb::task_arena arena(threads == 0 ? most : std::min(threads, most));
  arena.execute([&] { tbb::parallel_for(std::size_t{0}, rows.size(), predict_one); });
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace

ValidationReport validate(std::span<const MeasuredRow> rows, const Predictor& predict,
                          const ValidationOptions& options) {
  if (options.threads < 0) {
    throw std::invalid_argument(fmt::format("threads must be >= 0, got {}", options.threads));
  }
  ValidationReport report;
  report.mode = options.mode;
  for (const MeasuredRow& row : rows) {
    if (row.scored()) {
      report.rows.push_back({.row = row, .predicted = {}});
    } else {
      report.excluded.push_back(row);
    }
  }
  if (report.rows.empty()) throw std::invalid_argument("no measured row is scored");
  predict_all(report.rows, predict, options.threads);
  report.summary = summaries(report.rows);
  return report;
}

}  // namespace rigsim::analysis
