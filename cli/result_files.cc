#include "cli/result_files.h"

#include <fmt/format.h>

#include <ranges>

#include "cli/build_info.h"

namespace rigsim::cli {

ResultFiles::ResultFiles(const ParsedOptions& options, const std::string& title,
                         const std::string& scenarios, std::uint64_t seed) {
  const auto open = [&](const std::optional<std::string>& path, analysis::TraceDetail detail) {
    if (!path) return;
    analysis::TraceHeader header;
    header.title = title;
    header.version = build_info().version;
    header.commit = build_info().commit;
    header.command_line = options.command_line();
    header.scenario = scenarios;
    header.seed = seed;
    auto file = std::make_unique<analysis::TraceFile>(*path, header);
    analysis::TraceObserver observer(*file, detail);
    files_.push_back({std::move(file), std::move(observer)});
  };
  if (options.has("trace") && options.text("trace") == options.text("output")) {
    throw configs::ConfigError({{}, 0, 0, "--trace"}, "is the same file as --output");
  }
  open(options.text("output"), analysis::TraceDetail::kFigures);
  open(options.text("trace"), analysis::TraceDetail::kOps);
}

ResultFiles::~ResultFiles() {
  while (!files_.empty()) files_.pop_back();
}

void ResultFiles::begin(const workloads::DeploymentRequest& request,
                        const workloads::SingleStream& work) {
  for (File& file : files_) file.observer.begin(request, work);
}

void ResultFiles::pass_executed(const workloads::ExecutedPass& executed,
                                const workloads::PassGraph& pass, const sim::Executor& executor) {
  for (File& file : files_) file.observer.pass_executed(executed, pass, executor);
  if (const auto signal = interruption_.pending()) throw Interrupted(*signal, {});
}

void ResultFiles::end(const analysis::RigResult& result) {
  for (File& file : files_) file.observer.end(result);
}

void ResultFiles::finish() {
  for (File& file : files_ | std::views::reverse) file.file->finish();
}

std::string ResultFiles::keep_incomplete() {
  std::string text;
  for (File& file : files_ | std::views::reverse) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", file.file->finish_incomplete().string());
  }
  return text.empty() ? "nothing was to be kept" : "what was done is kept in " + text;
}

}  // namespace rigsim::cli
