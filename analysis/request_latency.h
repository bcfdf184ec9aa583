#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "workloads/serving/serving_record.h"
#include "workloads/traffic.h"

namespace rigsim::analysis {

/// A time of a finished request in seconds, by its record and its output tokens; none: it has no
/// such time.
using RequestLatency = std::optional<double> (*)(const workloads::RequestRecord& record,
                                                 std::int64_t output_tokens);

/// Arrival to the start of the first step that works on it.
[[nodiscard]] std::optional<double> queueing(const workloads::RequestRecord&, std::int64_t);
/// Arrival to first token.
[[nodiscard]] std::optional<double> ttft(const workloads::RequestRecord&, std::int64_t);
/// (Last - first token) / (tokens - 1), of requests with several.
[[nodiscard]] std::optional<double> tpot(const workloads::RequestRecord&, std::int64_t);
/// Arrival to last token.
[[nodiscard]] std::optional<double> e2e(const workloads::RequestRecord&, std::int64_t);
/// The same per output token.
[[nodiscard]] std::optional<double> normalised(const workloads::RequestRecord&, std::int64_t);
/// Where another replica decodes: the end of the prompt to the start of its KV cache's transfer.
[[nodiscard]] std::optional<double> kv_wait(const workloads::RequestRecord&, std::int64_t);
/// And from there until it has arrived.
[[nodiscard]] std::optional<double> kv_transfer(const workloads::RequestRecord&, std::int64_t);

/// Of the finished ones among `requests`, in order; `records` is [requests].
[[nodiscard]] std::vector<double> latencies(std::span<const workloads::TrafficRequest> requests,
                                            std::span<const workloads::RequestRecord> records,
                                            RequestLatency latency);

}  // namespace rigsim::analysis
