#include "cli/sweep_command.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "analysis/sweep_run.h"
#include "cli/build_info.h"
#include "cli/command_options.h"
#include "cli/interruption.h"
#include "cli/number_text.h"
#include "cli/sweep_table.h"
#include "configs/input_file.h"
#include "configs/sweep_file.h"

namespace rigsim::cli {
namespace {

using Json = nlohmann::ordered_json;
using analysis::PointStatus;
using analysis::SweepPoint;
using analysis::SweepSummary;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostShown = 40;  // rows of a table on a terminal
constexpr int kMostThreads = 1024;
constexpr std::uint64_t kMostBytes = configs::YamlLimits{}.bytes;  // of an input file

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// What the points go through on their way: they are shown, and counted for the progress line.
class Shown {
 public:
  Shown(std::uint64_t all, std::size_t most, const Console& console)
      : all_(all), most_(most), progress_(console) {}

  void add(const SweepPoint& point) {
    ++seen_;
    if (point.reused) ++reused_;
    if (points_.size() < most_) points_.push_back(point);
    constexpr double kSecondsBetween = 0.1;
    if (seconds_since(told_) < kSecondsBetween) return;
    told_ = Clock::now();
    const double rate = static_cast<double>(seen_ - reused_) / seconds_since(begin_);
    const auto left = static_cast<double>(all_ - seen_);
    progress_.show(fmt::format("{} of {} points, {} a second, {} left", seen_, all_,
                               significant(rate, 3), rate > 0 ? time_text(left / rate) : "?"));
  }

  [[nodiscard]] const std::vector<SweepPoint>& points() const { return points_; }

 private:
  std::uint64_t all_;
  std::size_t most_;
  Progress progress_;
  std::vector<SweepPoint> points_;
  std::uint64_t seen_ = 0;
  std::uint64_t reused_ = 0;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point told_ = begin_;
};

/// The text of the files of --catalog, in the order of their names.
std::string own_catalog(const ParsedOptions& options) {
  const auto folder = options.text("catalog");
  if (!folder) return {};
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(*folder)) {
    const auto ending = entry.path().extension();
    if (ending == ".yaml" || ending == ".yml") files.insert(entry.path());
  }
  std::string text;
  for (const auto& file : files) text += configs::read_whole_file(file, kMostBytes);
  return text;
}

/// The sweep's file and what earlier runs left in it.
struct Files {
  std::unique_ptr<analysis::SweepFileWriter> writer;  ///< none: no --output
  analysis::EarlierPoints earlier;

  Files(const std::optional<std::string>& path, const configs::SweepPlan& plan,
        const std::string& sweep) {
    if (!path) return;
    const analysis::SweepHeader header{std::string(build_info().version),
                                       std::string(build_info().commit), sweep};
    if (std::filesystem::is_regular_file(*path))
      analysis::read_points(*path, plan.run, header, earlier);
    writer = std::make_unique<analysis::SweepFileWriter>(*path, plan, header);
    for (const auto& part : writer->earlier_parts()) {
      try {
        analysis::read_points(part, plan.run, header, earlier);
      } catch (const configs::UnreadableInput& error) {
        earlier.notes.push_back(fmt::format("its points are not taken: {}", error.what()));
      }
    }
  }
};

Answer dry_run(const analysis::SweepFacts& facts, int threads, bool json) {
  const std::uint64_t points = facts.plan.points();
  const double each = analysis::seconds_per_point(facts);
  const int used = analysis::threads_used(threads);
  const double all = each * static_cast<double>(points) / used;
  if (json)
    return {Json{{"points", points},
                 {"skipped", facts.plan.combinations() - points},
                 {"threads", used},
                 {"seconds", all}}
                .dump(2) +
            '\n'};
  return {
      fmt::format("{} points ({} skipped), about {} on {} thread{}: {} for each of some that "
                  "were run\n",
                  points, facts.plan.combinations() - points, time_text(all), used,
                  used == 1 ? "" : "s", time_text(each))};
}

ExitCode code_of(const SweepSummary& summary) {
  if (summary.with(PointStatus::kRefused) + summary.with(PointStatus::kFailed) > 0)
    return ExitCode::kPointsFailed;
  return summary.with(PointStatus::kDone) > 0 ? ExitCode::kDone : ExitCode::kDoesNotFit;
}

std::string document(const configs::SweepPlan& plan, const SweepSummary& summary,
                     const std::vector<SweepPoint>& points) {
  Json json{{"version", build_info().version},
            {"commit", build_info().commit},
            {"run", to_string(plan.run)},
            {"points", summary.points},
            {"done", summary.with(PointStatus::kDone)},
            {"does_not_fit", summary.with(PointStatus::kDoesNotFit)},
            {"refused", summary.with(PointStatus::kRefused)},
            {"failed", summary.with(PointStatus::kFailed)},
            {"reused", summary.reused},
            {"dropped", summary.dropped},
            {"rows", Json::array()}};
  for (const SweepPoint& point : points) json["rows"].push_back(point_json(plan, point));
  return json.dump(2) + '\n';
}

std::string words(const configs::SweepPlan& plan, const SweepSummary& summary,
                  const std::vector<SweepPoint>& points, const std::optional<std::string>& output,
                  const Console& console) {
  std::string text;
  if (summary.points <= kMostShown) text = sweep_text(plan, points, console) + '\n';
  text += summary_text(summary);
  if (output) {
    text += fmt::format("They are in {}, table /points.\n", *output);
  } else if (summary.points > kMostShown) {
    text += "--output FILE.h5 keeps them; --json prints them.\n";
  }
  return text;
}

[[noreturn]] void stop(int signal, const SweepSummary& summary,
                       const analysis::SweepFileWriter* writer) {
  if (writer == nullptr) throw Interrupted(signal, "the sweep was stopped; no --output keeps it");
  throw Interrupted(
      signal, fmt::format("{} points are done and kept in {}; the same command goes on from there",
                          summary.points, writer->part().string()));
}

Answer run(const ParsedOptions& options, const Console& console) {
  if (options.arguments().empty())
    throw configs::ConfigError({}, "a sweep file is needed: rigsim sweep FILE.yaml");
  const std::filesystem::path path = options.arguments().front();
  const auto catalog = configs::Catalog::load(options.text("catalog"));
  const int threads = static_cast<int>(options.count("threads", 1, kMostThreads).value_or(0));
  const std::string text = configs::read_whole_file(path, kMostBytes);
  const configs::SweepPlan plan =
      configs::read_sweep(configs::parse_yaml(text, path.string()), catalog);
  const analysis::SweepFacts facts(plan, catalog, own_catalog(options));
  if (options.has("dry-run")) return dry_run(facts, threads, options.has("json"));
  const auto output = options.text("output");
  const Interruption interruption;
  Files files(output, plan, text);
  Shown shown(plan.points(), options.has("json") ? SIZE_MAX : kMostShown, console);
  const SweepSummary summary = run_sweep(facts, files.earlier, files.writer.get(), threads,
                                         {[&] { return interruption.pending().has_value(); },
                                          [&](const SweepPoint& point) { shown.add(point); }});
  if (summary.stopped) stop(interruption.pending().value_or(SIGINT), summary, files.writer.get());
  if (files.writer) files.writer->finish();
  Answer answer;
  answer.code = code_of(summary);
  answer.text = options.has("json") ? document(plan, summary, shown.points())
                                    : words(plan, summary, shown.points(), output, console);
  for (const std::string& note : files.earlier.notes)
    answer.warning += (answer.warning.empty() ? "" : "; ") + note;
  return answer;
}

}  // namespace

Command sweep_command() {
  return {
      .name = "sweep",
      .summary = "a scenario along axes: every combination of rigs, batches, loads, ...",
      .usage = "SWEEP.yaml [--output FILE.h5] [OPTIONS]",
      .about =
          "Runs a base scenario at all points of the axes that the file names, as \"rigsim run\" "
          "does, or \"rigsim serve\" with \"run: serve\". --output keeps every point; where the "
          "file, or what a stopped run left beside it, has a point already, that is not run again. "
          "Exit codes: 5 where points are refused or fail (the others are kept), 4 where none "
          "fits.",
      .examples =
          "  rigsim sweep batches.yaml --dry-run\n"
          "  rigsim sweep batches.yaml --output batches.h5\n"
          "  rigsim sweep batches.yaml --threads 2 --json",
      .options = {{"output", "FILE", "keep the points as HDF5, and go on from there"},
                  {"threads", "N", "that work at once (default: all)"},
                  {"dry-run", "", "count the points and estimate the time"},
                  {"catalog", "DIR", "also know the devices, rigs and models in DIR/*.yaml"},
                  {"json", "", "one JSON document with every point instead of a table"}},
      .arguments = {"SWEEP.yaml"},
      .run = run};
}

}  // namespace rigsim::cli
