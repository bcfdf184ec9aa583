#include "analysis/request_latency.h"

namespace rigsim::analysis {

using workloads::RequestRecord;

namespace {

double seconds(sim::Time from, sim::Time to) { return sim::to_seconds(to - from); }

}  // namespace

std::optional<double> queueing(const RequestRecord& r, std::int64_t) {
  return seconds(r.arrival, r.scheduled);
}

std::optional<double> ttft(const RequestRecord& r, std::int64_t) {
  return seconds(r.arrival, r.first_token);
}

std::optional<double> tpot(const RequestRecord& r, std::int64_t tokens) {
  if (tokens < 2) return std::nullopt;
  return seconds(r.first_token, r.finished) / static_cast<double>(tokens - 1);
}

std::optional<double> e2e(const RequestRecord& r, std::int64_t) {
  return seconds(r.arrival, r.finished);
}

std::optional<double> normalised(const RequestRecord& r, std::int64_t tokens) {
  return seconds(r.arrival, r.finished) / static_cast<double>(tokens);
}

std::optional<double> kv_wait(const RequestRecord& r, std::int64_t) {
  if (r.kv_there == sim::Time{}) return std::nullopt;
  return seconds(r.prefilled, r.kv_sent);
}

std::optional<double> kv_transfer(const RequestRecord& r, std::int64_t) {
  if (r.kv_there == sim::Time{}) return std::nullopt;
  return seconds(r.kv_sent, r.kv_there);
}

std::vector<double> latencies(std::span<const workloads::TrafficRequest> requests,
                              std::span<const RequestRecord> records, RequestLatency latency) {
  std::vector<double> values;
  values.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].outcome != workloads::RequestOutcome::kFinished) continue;
    if (const auto value = latency(records[i], requests[i].output_tokens)) values.push_back(*value);
  }
  return values;
}

}  // namespace rigsim::analysis
