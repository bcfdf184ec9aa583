#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "analysis/trace_observer.h"
#include "cli/command_options.h"
#include "cli/interruption.h"

namespace rigsim::cli {

/// The HDF5 files that a run writes: --output FILE.h5 (figures and steps) and --trace FILE.h5 (also
/// ops). Both are created before anything runs, so that a path that cannot be written costs no
/// time. It observes the run: it writes every pass, and stops it behind the pass in which SIGINT or
/// SIGTERM came.
class ResultFiles final : public workloads::PassObserver {
 public:
  /// Opens the files that `options` name; `scenarios` (YAML) and `seed` go into their headers.
  /// Throws analysis::OutputError; configs::ConfigError where both are the same file.
  ResultFiles(const ParsedOptions& options, const std::string& title, const std::string& scenarios,
              std::uint64_t seed);

  ~ResultFiles() override;
  ResultFiles(const ResultFiles&) = delete;
  ResultFiles& operator=(const ResultFiles&) = delete;

  /// The rig that runs next; see TraceObserver.
  void begin(const workloads::DeploymentRequest& request, const workloads::SingleStream& work);
  /// Throws Interrupted after the pass in which a signal came.
  void pass_executed(const workloads::ExecutedPass& executed, const workloads::PassGraph& pass,
                     const sim::Executor& executor) override;
  void end(const analysis::RigResult& result);

  /// Completes the files. Throws analysis::OutputError.
  void finish();
  /// Keeps what there is, marked incomplete; says where, for a message. Throws
  /// analysis::OutputError.
  [[nodiscard]] std::string keep_incomplete();

 private:
  struct File {
    std::unique_ptr<analysis::TraceFile> file;  // stays where it is: the observer refers to it
    analysis::TraceObserver observer;
  };

  Interruption interruption_;
  std::vector<File> files_;  // closed last opened first: each silences HDF5 while it is open
};

}  // namespace rigsim::cli
