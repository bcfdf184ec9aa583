#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "analysis/serving_run.h"
#include "analysis/token_times.h"

namespace rigsim::analysis {

/// `requests` (finished), `offered_requests`, `too_long_requests`, `duration_s`,
/// `output_tokens_per_s`, `total_tokens_per_s`, `requests_per_s` as {value, low, high, evidence},
/// low and high null where only the run itself has room in its swap space; `queueing_s`, `ttft_s`,
/// `tpot_s`, `itl_s`, `e2e_s`, `normalised_s` as {mean, p50, p90, p95, p99, p999, low{...},
/// high{...}}; `goodput` {requests_per_s, fraction, level} or null; `kv_blocks`, `preemptions`,
/// `swap` {space_blocks, out_bytes, in_bytes, busy_fraction: of the time that steps run} or null,
/// `host_kv` {blocks, prompt_tokens: found there behind `cached_prompt_tokens`, stored_bytes,
/// loaded_bytes} or null, `busy_fraction`, `mean_batch`, `mfu`, `mbu`, `chance` (how
/// `chance_half_width` of the figures above came about: {method, replications, level,
/// lag1_autocorrelation} or null), `warm_up` {requests, duration_s}, `energy_j`,
/// `energy_per_output_token_j`, `mean_power_w` (figures), `link_fraction`, `kv_used_fraction`,
/// `queue_growth`, `stage_busy_fractions` [stages], `bubble_fraction` (of a pipeline, else 0),
/// `lockstep_wait_fraction` (of the steps' time; null where replicas do not step together),
/// `draft_tokens`, `accepted_draft_tokens`, `accepted_fraction`, `acceptance_length` (tokens of a
/// sequence and step; null without speculation), `engine` {batching, replicas, ..., speculative:
/// {draft, draft_weights, tokens, acceptance, expected_acceptance_length} or null}, ...
[[nodiscard]] nlohmann::ordered_json to_json(const ServingRun& run,
                                             const workloads::ServingSetup& setup,
                                             const ServiceLevel& level);

/// The run in the form of vLLM's `bench serve` result (benchmarks/lib of 0.19: keys and
/// milliseconds as there), for plots and scripts that read those: `duration`, `completed`,
/// `request_throughput`, `mean_ttft_ms`, `p99_tpot_ms`, `input_lens`, `output_lens`, `ttfts`, ...
/// Text that was generated there is empty here; `itls` as there with --save-detailed, where
/// `tokens` (or null) has them.
[[nodiscard]] nlohmann::ordered_json vllm_bench_json(const ServingRun& run,
                                                     const workloads::Traffic& traffic,
                                                     const std::string& model,
                                                     const TokenTimes* tokens = nullptr);

}  // namespace rigsim::analysis
