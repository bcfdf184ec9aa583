#include "cli/validate_command.h"

#include <fmt/format.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "analysis/batch_validation.h"
#include "analysis/link_effect.h"
#include "analysis/prediction.h"
#include "analysis/validation.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/interruption.h"
#include "configs/measured_rows.h"

namespace rigsim::cli {
namespace {

using analysis::DeviceKnowledge;

/// What links do to models, and llama.cpp's row split.
Answer run_links(const ParsedOptions& options, const Console& console) {
  Progress progress(console);
  progress.show("predicting comparisons of links");
  const auto report = analysis::link_report(configs::link_effects(), configs::row_split_rows(),
                                            configs::Catalog::load());
  if (!options.has("json")) return {.text = analysis::link_report_table(report)};
  nlohmann::ordered_json document = {{"version", build_info().version},
                                     {"commit", build_info().commit}};
  document.update(analysis::link_report_json(report));
  return {.text = document.dump(2) + '\n'};
}

/// Throughput against batch, replayed as it was measured.
Answer run_batches(const ParsedOptions& options, const Console& console) {
  Progress progress(console);
  const auto rows = configs::batch_rows();
  progress.show(fmt::format("replaying {} measured batches", rows.size()));
  const auto report = analysis::validate_batches(rows);
  if (!options.has("json")) return {.text = analysis::batch_report_table(report)};
  nlohmann::ordered_json document = {{"version", build_info().version},
                                     {"commit", build_info().commit}};
  document.update(analysis::batch_report_json(report));
  return {.text = document.dump(2) + '\n'};
}

Answer run(const ParsedOptions& options, const Console& console) {
  if (options.has("links")) return run_links(options, console);
  if (options.has("batches")) return run_batches(options, console);
  const Interruption interruption;
  const auto catalog = configs::Catalog::load();
  const auto rows = configs::measured_rows();
  const bool left_out = options.has("leave-one-out");
  const analysis::RowPredictor predictor(
      catalog, rows, left_out ? DeviceKnowledge::kLeftOut : DeviceKnowledge::kAsShipped);
  std::atomic<int> done = 0;
  const auto predict = [&](const configs::MeasuredRow& row) {
    if (const auto signal = interruption.pending()) {
      throw Interrupted(*signal, fmt::format("after {} rows; nothing was to be kept", done.load()));
    }
    ++done;
    return predictor(row);
  };
  Progress progress(console);
  progress.show(fmt::format("predicting {} measured rows", rows.size()));
  const auto report =
      analysis::validate(rows, predict, {.mode = left_out ? "leave one device out" : "as shipped"});
  if (!options.has("json")) return {.text = analysis::validation_table(report)};
  nlohmann::ordered_json document = {{"version", build_info().version},
                                     {"commit", build_info().commit}};
  document.update(analysis::validation_json(report));
  return {.text = document.dump(2) + '\n'};
}

}  // namespace

Command validate_command() {
  return {.name = "validate",
          .summary = "predicted against measured, row by row",
          .usage = "[--leave-one-out | --links | --batches] [--json]",
          .about =
              "Replays the published measurements that ship with the program and prints the "
              "prediction, the measurement and the error of each, then median, 90th "
              "percentile and bias of the errors by device, engine and phase. --links does so for "
              "pairs of measurements that differ in a link (NVLink or PCIe, peer access, lanes) or "
              "in the split over it, and for llama.cpp's row split. --batches replays measured "
              "throughput against batch (static batches, full servers, offline runs) and compares "
              "level, shape and knee of each series.",
          .examples =
              "  rigsim validate\n  rigsim validate --leave-one-out\n  rigsim validate --links\n"
              "  rigsim validate --batches\n"
              "  rigsim validate --json",
          .options = {{"leave-one-out", "",
                       "predict each device from the others, as for one nobody measured"},
                      {"links", "", "what a link does to a model, in pairs of measurements"},
                      {"batches", "", "throughput against batch, replayed as it was measured"},
                      {"json", "", "one JSON document instead of tables"}},
          .arguments = {},
          .run = run};
}

}  // namespace rigsim::cli
