#pragma once

#include <cstdint>
#include <vector>

#include "sim/units.h"
#include "workloads/deployment.h"
#include "workloads/engine_profile.h"
#include "workloads/time_share.h"

namespace rigsim::workloads {

enum class Phase { kPrefill, kDecode };

[[nodiscard]] std::string_view to_string(Phase phase);

/// A fixed batch of equal requests, all present at the start: what a single user or a benchmark
/// loop sends.
struct SingleStream {
  std::int64_t prompt_tokens = 512;
  std::int64_t output_tokens = 128;
  std::int64_t batch = 1;
  std::int64_t context_tokens = 0;  ///< already in the KV cache of each sequence (llama-bench -d)
};

/// One pass as it ran. `repeats` decode steps in a row cost exactly the same (their padded context
/// is equal) and are run once; step k of them starts at `start + k x duration`.
struct ExecutedPass {
  Phase phase = Phase::kPrefill;
  sim::Time start{};
  sim::Duration duration{};
  std::int64_t repeats = 1;
  std::int64_t tokens = 0;   ///< new tokens, all sequences
  std::int64_t context = 0;  ///< KV tokens per sequence at its end, of the first repeat
  std::int64_t batch = 1;
};

/// Sees every pass right after it ran, with the executor still holding its op times.
class PassObserver {
 public:
  virtual ~PassObserver() = default;
  virtual void pass_executed(const ExecutedPass& executed, const PassGraph& pass,
                             const sim::Executor& executor) = 0;
};

/// One phase of a run, summed over its passes.
struct PhaseResult {
  sim::Duration duration{};
  std::int64_t tokens = 0;  ///< prompt or output tokens of all sequences
  TimeShare critical_path;
  EvidenceShare evidence;          ///< of the kernels on the critical path
  std::vector<TimeShare> devices;  ///< [devices]

  [[nodiscard]] double tokens_per_s() const;
  /// Share of device time, mean over the devices that work at all.
  [[nodiscard]] TimeShare device_share() const;
};

struct SingleStreamResult {
  PhaseResult prefill;
  PhaseResult decode;
  sim::Duration ttft{};  ///< the prompt's passes give the first token
  sim::Duration tpot{};  ///< mean time between output tokens of one sequence
  sim::Duration e2e{};
  Evidence evidence = Evidence::kFitted;  ///< the weaker of the two phases
};

/// Runs the prompt and then each output token through the event simulation.
/// With prompt_tokens = 0 decoding starts from an empty context and there is no prefill
/// (llama-bench's `tg` test). With prompt_tokens > 0 the prompt's last pass gives the first output
/// token, so output_tokens - 1 decode steps follow. Throws std::invalid_argument for negative
/// lengths, an empty run, or batch < 1.
[[nodiscard]] SingleStreamResult run_single_stream(const Deployment& deployment,
                                                   const SingleStream& work,
                                                   PassObserver* observer = nullptr);

}  // namespace rigsim::workloads
