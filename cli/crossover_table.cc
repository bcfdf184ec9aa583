#include "cli/crossover_table.h"

#include <fmt/format.h>

#include "cli/comparison_table.h"
#include "cli/number_text.h"
#include "cli/table.h"

namespace rigsim::cli {
namespace {

using analysis::Crossover;
using analysis::StepAtBatch;
using analysis::StepBound;

std::string_view word(StepBound bound) {
  return bound == StepBound::kKvCache ? "KV" : to_string(bound);
}

/// A batch, or that it lies beyond those that were looked at.
std::string batch_text(const std::optional<std::int64_t>& batch, const Crossover& row) {
  return batch ? fmt::format("{}", *batch) : fmt::format("> {}", row.ridge.looked_to);
}

std::string ridge_text(const Crossover& row) {
  const std::string low = batch_text(row.ridge.low, row);
  const std::string high = batch_text(row.ridge.high, row);
  return fmt::format("{} ({})", batch_text(row.ridge.value, row),
                     low == high ? low : low + " to " + high);
}

/// The largest batch that fits; the search for it ends where that for the ridge does.
std::string fits_text(const Crossover& row) {
  if (!row.largest_batch) return "none";
  return fmt::format("{}{}", *row.largest_batch >= row.ridge.looked_to ? ">= " : "",
                     *row.largest_batch);
}

/// "weights 1, KV 64, compute 256": what most of a step waits for, from which batch of the sweep.
std::string bounds_text(const Crossover& row) {
  std::string text;
  const StepAtBatch* last = nullptr;
  for (const StepAtBatch& step : row.steps) {
    if (last == nullptr || step.bound() != last->bound()) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", word(step.bound()), step.batch);
    }
    last = &step;
  }
  return text;
}

std::string analytic_text(const Crossover& row) {
  if (row.analytic.empty()) return "-";
  const std::string low = fmt::format("{:.0f}", row.analytic.front().batch);
  const std::string high = fmt::format("{:.0f}", row.analytic.back().batch);
  return low == high ? low : low + " to " + high;
}

Table ridges(std::span<const Crossover> rows) {
  Table table{{{"rig"},
               {"weights"},
               {"plan"},
               {"ridge batch", Align::kRight},
               {"datasheet", Align::kRight},
               {"fits", Align::kRight},
               {"most of a step, from batch"}},
              {}};
  for (const Crossover& row : rows) {
    table.rows.push_back({row.rig, row.weights, plan_text(row.plan), ridge_text(row),
                          analytic_text(row), fits_text(row), bounds_text(row)});
  }
  return table;
}

Table steps(const Crossover& row) {
  Table table{{{"batch", Align::kRight}, {"ms", Align::kRight}, {"tokens/s", Align::kRight}}, {}};
  for (const StepBound bound : analysis::kStepBounds)
    table.columns.push_back({fmt::format("{} %", word(bound)), Align::kRight});
  table.columns.push_back({"fits"});
  for (const StepAtBatch& step : row.steps) {
    std::vector<std::string> cells{fmt::format("{}", step.batch), significant(1e3 * step.step_s, 4),
                                   significant(static_cast<double>(step.batch) / step.step_s, 4)};
    for (const StepBound bound : analysis::kStepBounds)
      cells.push_back(fmt::format("{:.1f}", 100 * step.of(bound) / step.step_s));
    cells.emplace_back(step.batch <= row.largest_batch.value_or(0) ? "yes" : "no");
    table.rows.push_back(std::move(cells));
  }
  return table;
}

/// What the datasheets' figures are, each once.
std::string terms(std::span<const Crossover> rows) {
  std::string text;
  for (const Crossover& row : rows) {
    for (const analysis::AnalyticRidge& ridge : row.analytic) {
      const std::string term =
          fmt::format("{} {} {:.1f} TFLOPS {} over {:.0f} GB/s at {:.3g} bytes a weight",
                      ridge.device, row.weights, ridge.peak_flops * 1e-12, ridge.numbers,
                      ridge.bandwidth_bytes_per_s * 1e-9, ridge.bytes_per_weight);
      if (text.find(term) == std::string::npos) text += (text.empty() ? "" : "; ") + term;
    }
  }
  return text;
}

}  // namespace

std::string crossover_text(std::span<const Crossover> rows, const Console& console) {
  const Crossover& first = rows.front();
  std::string text = wrapped(fmt::format("{} on {}, {} tokens of context, batches {} to {}",
                                         first.model, first.engine, first.context,
                                         first.steps.front().batch, first.steps.back().batch));
  text += '\n' + to_text(ridges(rows), console) + '\n';
  if (rows.size() == 1) text += to_text(steps(first), console) + '\n';
  text += wrapped(
      "Ridge batch: the first from which on a decode step computes longer than it reads weights "
      "(90 % band); attention counts as KV. Datasheet: peak x bytes per weight / (2 x bandwidth) "
      "for "
      "each pass (replicas, batches in a pipeline), without activations: " +
      terms(rows) +
      ". Fits: the largest batch in memory; the others' times are what the kernels "
      "would take.");
  return text;
}

}  // namespace rigsim::cli
