#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "analysis/trace_schema.h"

namespace rigsim::analysis {

/// Where a trace comes from: its root attributes. No wall-clock time is among them, so that the
/// same run gives the same trace.
struct TraceHeader {
  std::string title{};
  std::string version{};  ///< of rigsim
  std::string commit{};   ///< rigsim's git commit
  std::string command_line{};
  std::string scenario{};  ///< the complete resolved scenario, as YAML
  std::uint64_t seed = 0;
  std::string run_id{};  ///< empty: derived from scenario, seed and version
};

struct TraceOptions {
  /// Longest wall-clock time between two flushes while rows arrive.
  std::chrono::milliseconds flush_interval{5'000};
};

/// The trace of a run as an HDF5 file, written while the run goes on, in bounded memory. Tables and
/// columns are those of trace_schema.h (`schema_name` "rigsim-trace"); see there.
///
/// The file grows at `PATH.part`. It is flushed when created, every `flush_interval` and on
/// flush(). A killed process leaves a `.part` that opens (also while it is being written), holds
/// every row of the last flush and has the root attribute `complete` = 0. finish() sets it to 1,
/// syncs and renames to PATH; until then a file at PATH stays as it is. Destruction without
/// finish() removes `.part`.
///
/// Every member throws OutputError (disk full, ...); the trace is then lost and its `.part` removed
/// on destruction. Rows with a NUL in a text throw std::invalid_argument. Not thread-safe.
class TraceFile {
 public:
  /// Creates `path`.part. Throws OutputError where `path` cannot be written, before any run starts.
  TraceFile(const std::filesystem::path& path, const TraceHeader& header,
            TraceOptions options = {});
  ~TraceFile();
  TraceFile(TraceFile&&) noexcept;
  TraceFile& operator=(TraceFile&&) noexcept;

  void append(const OpRow& row);
  void append(const TransferRow& row);
  /// Returns the row's number in /steps, which ops and transfers refer to.
  std::uint32_t append(const StepRow& row);
  void append(const RequestRow& row);
  void append(const DeviceOccupancyRow& row);
  void append(const LinkOccupancyRow& row);
  void append(const SummaryRow& row);

  /// Says which rows of /steps are traced op by op (ascending), as attribute `ops_traced_steps` of
  /// /ops: "0-3,17". "all" until this is called, "none" for an empty list. Best called early: it
  /// then stands in a killed run's file too.
  void set_traced_steps(std::span<const std::uint32_t> steps);

  /// Brings all rows so far into the file.
  void flush();

  /// Marks the trace complete and moves it to PATH. Nothing may be called afterwards.
  void finish();

  /// For a run that was interrupted (SIGINT, SIGTERM): keeps the rows there are, `complete` = 0.
  /// The trace moves to PATH if nothing is there, else it stays at `PATH.part`, because half a
  /// result should not replace a whole one. Returns where it is. Nothing may be called afterwards.
  std::filesystem::path finish_incomplete();

 private:
  struct Tables;
  Tables& open();

  std::unique_ptr<Tables> tables_;
};

}  // namespace rigsim::analysis
