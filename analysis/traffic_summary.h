#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "configs/traffic_text.h"
#include "sim/units.h"

namespace rigsim::analysis {

/// Lengths in tokens; percentiles as quantile() has them.
struct LengthSummary {
  double mean = 0, p1 = 0, p25 = 0, p50 = 0, p75 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

/// When requests arrive. What needs a longer time than there is, is not there.
struct ArrivalSummary {
  sim::Duration duration{};               ///< from the first to the last
  std::optional<double> per_second;       ///< requests / duration
  std::optional<double> peak_per_second;  ///< the fullest of the minutes from the first arrival on
  std::optional<double> cv;  ///< of the times between arrivals: standard deviation / mean
  std::optional<double> prompt_tokens_per_s, output_tokens_per_s;
};

/// What a cache could reuse in which every block ever seen stays.
struct PrefixSummary {
  std::int64_t block_tokens = 0;
  std::int64_t blocks = 0;    ///< prefix hashes of all requests
  std::int64_t distinct = 0;  ///< among them
  std::int64_t reused = 0;    ///< in the leading run of hashes that an earlier request had
};

/// What a traffic looks like.
struct TrafficSummary {
  std::int64_t requests = 0;
  LengthSummary prompt, output;
  std::optional<double> correlation;  ///< Pearson's, of prompt and output; none: one is constant
  std::optional<ArrivalSummary> arrivals;  ///< none: lengths alone, or a closed loop
  std::optional<PrefixSummary> prefixes;
};

/// Describes traffic of at least one request.
[[nodiscard]] TrafficSummary summarise(const configs::LoadedTraffic& loaded);

/// `requests`, `prompt_tokens` and `output_tokens` {mean, p1, ..., max},
/// `prompt_output_correlation`; `arrivals` {duration_s, requests_per_s, peak_requests_per_s, cv,
/// prompt_tokens_per_s, output_tokens_per_s}; `prefixes` {block_tokens, blocks, distinct_blocks,
/// reused_blocks, reused_fraction}; null for what there is not.
[[nodiscard]] nlohmann::ordered_json to_json(const TrafficSummary& summary);

/// `form`, `rows`, `bad`, `bad_examples`, `unanswered`, `out_of_order`, `same_time`, `note`.
[[nodiscard]] nlohmann::ordered_json to_json(const configs::TraceReport& report);

}  // namespace rigsim::analysis
