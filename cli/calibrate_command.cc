#include "cli/calibrate_command.h"

#include <fmt/format.h>

#include <filesystem>

#include "analysis/output_error.h"
#include "analysis/recalibration.h"
#include "cli/command_options.h"
#include "cli/text_file.h"
#include "configs/input_file.h"

namespace rigsim::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = 64 << 20;  // of a file of measured rows

/// The engines that a fit to single-stream rows concerns.
constexpr std::string_view kEngines[] = {"llama.cpp", "llama.cpp-2023-12"};

std::string line(std::string_view title, const analysis::ResidualStatistics& s) {
  if (s.rows == 0) return {};
  return fmt::format("  {:<20} {:>4} rows  median {:4.1f} %  p90 {:4.1f} %  bias {:+.1f} %\n",
                     title, s.rows, 100 * s.median_abs, 100 * s.p90_abs, 100 * s.bias);
}

std::string summary(const std::vector<analysis::BackendCalibration>& fits) {
  std::string text;
  for (const auto& fit : fits) {
    text += workloads::to_string(fit.backend) + ":\n";
    text += line("decode", fit.decode) + line("prefill", fit.prefill);
    text += line("left out, decode", fit.left_out_decode) +
            line("left out, prefill", fit.left_out_prefill);
  }
  return text;
}

std::vector<configs::MeasuredRow> rows_of(const ParsedOptions& options) {
  const auto file = options.text("measured");
  if (!file) return configs::measured_rows();
  return configs::parse_measured_rows(configs::read_whole_file(*file, kMostBytes), *file);
}

Answer run(const ParsedOptions& options, const Console& console) {
  const fs::path directory = options.needed("output");
  if (!fs::is_directory(directory)) throw analysis::OutputError(directory, "no such directory");
  const auto catalog = configs::Catalog::load();
  const auto rows = rows_of(options);
  std::vector<configs::EngineFile> engines;
  for (const auto name : kEngines) engines.push_back(configs::engine_named(name));
  Progress progress(console);
  progress.show(fmt::format("fitting to {} measured rows; takes a minute or two", rows.size()));
  std::string text = summary(analysis::recalibrate(engines, rows, catalog));
  for (const auto& engine : engines) {
    const fs::path path = directory / (engine.profile.name + ".fit.yaml");
    write_text_file(path, configs::to_yaml_fit(engine));
    text += "wrote " + path.string() + '\n';
  }
  return {.text = text};
}

}  // namespace

Command calibrate_command() {
  return {.name = "calibrate",
          .summary = "fit the engines' numbers to measured rows again",
          .usage = "--output DIR [--measured FILE.csv]",
          .about =
              "Fits devices, weights formats and the engines' constants to measured throughput by "
              "running the "
              "simulation, leaves each device out in turn, and writes NAME.fit.yaml for each "
              "engine into DIR. "
              "Beside a copy of NAME.yaml such a file makes an engine of your own: --engine "
              "DIR/NAME.yaml.",
          .examples =
              "  rigsim calibrate --output /tmp/fit\n  rigsim calibrate --measured mine.csv "
              "--output fits",
          .options = {{"output", "DIR", "existing directory to write the fit files into"},
                      {"measured", "FILE.csv",
                       "rows to fit to, in the form of configs/catalog/measured; else those"}},
          .arguments = {},
          .run = run};
}

}  // namespace rigsim::cli
