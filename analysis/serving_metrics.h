#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analysis/gap_distribution.h"
#include "analysis/serving_use.h"
#include "workloads/serving/server.h"
#include "workloads/serving/serving_choice.h"

namespace rigsim::analysis {

/// One latency over all finished requests, in seconds; percentiles by numpy's definition
/// (quantile()).
struct LatencySummary {
  std::int64_t count = 0;  ///< 0: nothing has this latency, and the rest means nothing
  double mean = 0;
  double p50 = 0;
  double p90 = 0;
  double p95 = 0;
  double p99 = 0;
  double p999 = 0;
};

using workloads::ServiceLevel;

/// A serving run in numbers.
struct ServingMetrics {
  std::int64_t offered = 0;  ///< requests
  std::int64_t finished = 0;
  std::int64_t too_long = 0;  ///< turned away: the replica cannot hold them
  double duration_s = 0;      ///< from the first arrival to the last token
  double window_s = 0;  ///< the same, but from the collector's begin on where that is later, and to
                        ///< the end of the last step that was seen where that is
  std::int64_t prompt_tokens = 0;  ///< of finished requests
  std::int64_t output_tokens = 0;
  double output_tokens_per_s = 0;
  double total_tokens_per_s = 0;
  double requests_per_s = 0;
  LatencySummary queueing_s;    ///< arrival to the start of the first step that works on it
  LatencySummary ttft_s;        ///< arrival to first token
  LatencySummary tpot_s;        ///< (last - first token) / (tokens - 1), of requests with several
  LatencySummary itl_s;         ///< every gap between two tokens of a request (see GapRun)
  LatencySummary e2e_s;         ///< arrival to last token
  LatencySummary normalised_s;  ///< e2e per output token
  /// Where one replica computes the prompt and another decodes: the end of the prompt to the start
  /// of its KV cache's transfer, and how long that took.
  LatencySummary kv_wait_s;
  LatencySummary kv_transfer_s;
  std::int64_t preemptions = 0;
  std::int64_t swapped_out_blocks = 0;  ///< of sequences whose KV moved to host memory
  std::int64_t swapped_in_blocks = 0;
  double swap_fraction = 0;  ///< of the time that steps run, what these copies take
  std::int64_t cached_prompt_tokens = 0;
  std::int64_t host_prompt_tokens = 0;      ///< found in host memory, behind the cached ones
  std::int64_t host_stored_blocks = 0;      ///< KV blocks for the prefix cache's tier there
  std::int64_t host_loaded_blocks = 0;      ///< and from it
  std::int64_t computed_prompt_tokens = 0;  ///< behind preemptions again
  std::int64_t steps = 0;
  double busy_fraction = 0;  ///< of the replicas' time, steps running
  /// [stages] Of the replicas' time, what each stage of a pipeline computes; empty without one.
  std::vector<double> stage_busy{};
  double bubble_fraction = 0;         ///< of the time that steps run, what the mean stage idles
  double lockstep_wait_fraction = 0;  ///< of that time, what replicas wait for the slowest of them
  double mean_batch = 0;              ///< sequences in a step, mean over the time that steps run
  double kv_used_fraction = 0;        ///< of the blocks, the same mean
  double kv_used_fraction_max = 0;
  std::int64_t waiting_max = 0;
  /// With speculation: tokens drafted and verified, how many were accepted, and what a sequence
  /// that has drafts is answered with in a step, in the mean (those accepted and one more, as vLLM
  /// counts).
  std::int64_t draft_tokens = 0;
  std::int64_t accepted_tokens = 0;
  double accepted_fraction = 0;
  double acceptance_length = 0;
  ServingUse use;
  std::optional<double> good_requests_per_s{};  ///< goodput, where a level was asked for
  std::optional<double> good_fraction{};
  /// Of the requests that arrive in the second half of the arrivals' time, the share that piles up
  /// by its end, where that is more than chance: the rig cannot serve this load, and latencies are
  /// as long as one looks.
  std::optional<double> queue_growth{};
};

/// Gathers what ServingMetrics needs while a run goes on, or from `begin` on.
class ServingCollector final : public workloads::ServingObserver {
 public:
  explicit ServingCollector(sim::Time begin = {}) : begin_(begin) {}

  void steps_executed(const workloads::StepRecord& steps) override;
  void gaps_seen(const workloads::GapRun& gaps) override { gaps_.add(gaps); }
  void request_ended(std::uint32_t, const workloads::RequestRecord&) override {}

  /// Tokens seen that are not a request's first.
  [[nodiscard]] std::int64_t later_tokens() const { return gaps_.count() + more_tokens_; }

  /// The whole run's numbers, once it has ended.
  [[nodiscard]] ServingMetrics metrics(const workloads::Traffic& traffic,
                                       const workloads::ServerConfig& config,
                                       const std::vector<workloads::RequestRecord>& records,
                                       const ServiceLevel& level) const;

 private:
  sim::Time begin_;
  GapDistribution gaps_;
  std::int64_t steps_ = 0;
  std::int64_t drafted_ = 0;  // rows with drafts
  std::int64_t drafts_ = 0;
  std::int64_t accepted_ = 0;
  std::int64_t more_tokens_ = 0;
  std::int64_t prompt_tokens_ = 0;
  std::int64_t waiting_max_ = 0;
  std::int64_t held_max_ = 0;
  workloads::Ticks last_end_ = 0;
  workloads::Ticks busy_ = 0;
  workloads::Ticks waited_ = 0;
  workloads::Ticks sequence_time_ = 0;  // sequences x time: whole numbers, as leaps have them
  workloads::Ticks copying_ = 0;
  std::int64_t swapped_out_ = 0;
  std::int64_t swapped_in_ = 0;
  std::int64_t host_stored_ = 0;
  std::int64_t host_loaded_ = 0;
  std::vector<workloads::Ticks> stages_;
  double block_seconds_ = 0;
};

}  // namespace rigsim::analysis
