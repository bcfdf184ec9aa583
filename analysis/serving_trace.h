#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

#include "analysis/serving_series.h"
#include "analysis/trace_file.h"
#include "workloads/serving/server.h"
#include "workloads/serving/serving_work.h"
#include "workloads/traffic.h"

namespace rigsim::analysis {

/// The trace of a serving run as an HDF5 file (`schema_name` "rigsim-serving"), written while the
/// run goes on, in bounded memory, as TraceFile is:
/// - /requests: one row per request, in the order in which they ended: `request` (its number in the
///   traffic), prompt_tokens, output_tokens, cached_tokens, host_tokens, preemptions, replica,
///   arrival, scheduled, prefilled, kv_sent, kv_there, first_token, finished (ps; -1: never),
///   outcome;
/// - /steps: one row per run of steps: replica, start (ps), steps, first and growth (ps as double:
///   step i takes first + i x growth), busy (of their time, when no step that ended before was on
///   its way), link (of it, held up by links between the replica's devices; of several steps on
///   their way inside the mean stage), waited (in lock step, for the slowest replica), of a
///   pipeline stage_0_busy, stage_1_busy, ... (what its stages compute), decodes, kv_tokens,
///   chunks, prompt_tokens, running, waiting, kv_blocks_held, preemptions, swapped_out and
///   swapped_in (KV blocks to host memory and back), host_stored and host_loaded (those of the
///   prefix cache there, since the row before); where the engine speculates draft_tokens and
///   accepted_tokens. With --exact-steps every row is one step;
/// - /series: the run over time, one row per window (ServingSeries), written at its end: start and
///   length (s), busy_fraction, batch, kv_used_fraction and waiting (means while steps run),
///   bubble_fraction (of a pipeline: of its stages' time while steps run, not computing; else 0),
///   link_fraction (of the time that steps run), output_tokens_per_s (of decoding),
///   prompt_tokens_per_s, preemptions.
class ServingTrace final : public workloads::ServingObserver {
 public:
  /// Creates `path`.part. `traffic` must outlive this, and so must `work`, without which links are
  /// not known to hold up anything. Throws OutputError.
  ServingTrace(const std::filesystem::path& path, const TraceHeader& header,
               const workloads::Traffic& traffic, const workloads::ServerConfig& config,
               std::size_t stages = 1, workloads::ServingWork* work = nullptr);
  ~ServingTrace() override;

  void steps_executed(const workloads::StepRecord& steps) override;
  void gaps_seen(const workloads::GapRun&) override {}
  void request_ended(std::uint32_t request, const workloads::RequestRecord& record) override;

  /// Marks the trace complete and moves it to PATH. Nothing may be called afterwards.
  void finish();
  /// Keeps the rows there are, `complete` = 0, at PATH, or at `PATH.part` where something is at
  /// PATH; returns where. Nothing may be called afterwards.
  std::filesystem::path finish_incomplete();

 private:
  struct Tables;
  void write_series();

  std::unique_ptr<Tables> tables_;
  const workloads::Traffic& traffic_;
  workloads::ServingWork* work_;
  ServingSeries series_;
  double replicas_;
  double stages_;     // of one
  double kv_blocks_;  // of one
};

}  // namespace rigsim::analysis
