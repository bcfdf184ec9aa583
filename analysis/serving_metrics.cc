#include "analysis/serving_metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include "analysis/error_statistics.h"
#include "analysis/request_latency.h"

namespace rigsim::analysis {
namespace {

using workloads::RequestOutcome;
using workloads::RequestRecord;
using workloads::Traffic;

const std::vector<double> kQuantiles{0.5, 0.9, 0.95, 0.99, 0.999};

LatencySummary summary_of(std::int64_t count, double mean, const std::vector<double>& quantiles) {
  return {count, mean, quantiles[0], quantiles[1], quantiles[2], quantiles[3], quantiles[4]};
}

LatencySummary summarise(std::vector<double> values) {
  if (values.empty()) return {};
  std::ranges::sort(values);
  double sum = 0;
  for (const double value : values) sum += value;
  std::vector<double> quantiles;
  for (const double q : kQuantiles) quantiles.push_back(quantile_of_sorted(values, q));
  return summary_of(static_cast<std::int64_t>(values.size()),
                    sum / static_cast<double>(values.size()), quantiles);
}

double seconds(sim::Time from, sim::Time to) { return sim::to_seconds(to - from); }

bool is_good(const RequestRecord& record, std::int64_t tokens, const ServiceLevel& level) {
  const auto keeps = [](const std::optional<double>& value, const std::optional<double>& limit) {
    return !limit || !value || *value <= *limit;
  };
  return keeps(ttft(record, tokens), level.ttft_s) && keeps(tpot(record, tokens), level.tpot_s) &&
         keeps(e2e(record, tokens), level.e2e_s);
}

/// Requests in the system at the end of the arrivals against half of their time, as a share of
/// those that came in between. A queue that is stable grows by chance alone, at most by about three
/// times the root of their number; where hardly any request ends before the last one arrives, it
/// was one burst and nothing can be said.
std::optional<double> queue_growth(std::span<const RequestRecord> records) {
  constexpr double kLeastShare = 0.1;
  constexpr double kChance = 3;
  constexpr double kLeastEnded = 0.05;
  sim::Time first = sim::Time::max();
  sim::Time last{};
  double served = 0;
  for (const RequestRecord& r : records) {
    if (r.outcome != RequestOutcome::kFinished) continue;
    first = std::min(first, r.arrival);
    last = std::max(last, r.arrival);
    served += 1;
  }
  const sim::Time middle = first + (last - first) / 2;
  double arrived = 0, ended = 0, ended_between = 0;
  for (const RequestRecord& r : records) {
    if (r.outcome != RequestOutcome::kFinished) continue;
    arrived += r.arrival > middle ? 1 : 0;
    ended += r.finished <= last ? 1 : 0;
    ended_between += r.finished > middle && r.finished <= last ? 1 : 0;
  }
  const double growth = arrived - ended_between;
  const bool told = served > 0 && ended >= kLeastEnded * served && arrived > 0;
  if (!told || growth < kLeastShare * arrived || growth < kChance * std::sqrt(arrived))
    return std::nullopt;
  return growth / arrived;
}

}  // namespace

void ServingCollector::steps_executed(const workloads::StepRecord& steps) {
  const double duration = workloads::to_seconds(steps.busy());
  steps_ += steps.steps;
  drafted_ += steps.drafted;
  drafts_ += steps.drafts;
  accepted_ += steps.accepted;
  more_tokens_ += steps.more_tokens;
  prompt_tokens_ += steps.prompt_tokens;
  waiting_max_ = std::max(waiting_max_, steps.waiting);
  held_max_ = std::max(held_max_, steps.kv_blocks_held);
  last_end_ = std::max(last_end_, steps.start + steps.duration());
  busy_ += steps.busy();
  waited_ += steps.waited;
  copying_ += steps.copying;
  swapped_out_ += steps.swapped_out;
  swapped_in_ += steps.swapped_in;
  host_stored_ += steps.host_stored;
  host_loaded_ += steps.host_loaded;
  stages_.resize(steps.stages.size());
  for (std::size_t s = 0; s < steps.stages.size(); ++s) stages_[s] += steps.stages[s];
  sequence_time_ += steps.busy() * (steps.decodes + steps.chunks);
  block_seconds_ += duration * static_cast<double>(steps.kv_blocks_held);
}

ServingMetrics ServingCollector::metrics(const Traffic& traffic,
                                         const workloads::ServerConfig& config,
                                         const std::vector<RequestRecord>& records,
                                         const ServiceLevel& level) const {
  ServingMetrics m;
  m.offered = static_cast<std::int64_t>(records.size());
  sim::Time first = sim::Time::max();
  sim::Time last{};
  std::int64_t good = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const RequestRecord& record = records[i];
    m.too_long += record.outcome == RequestOutcome::kTooLong ? 1 : 0;
    if (record.outcome != RequestOutcome::kFinished) continue;
    const workloads::TrafficRequest& request = traffic.requests[i];
    ++m.finished;
    first = std::min(first, record.arrival);
    last = std::max(last, record.finished);
    m.prompt_tokens += request.prompt_tokens;
    m.output_tokens += request.output_tokens;
    m.preemptions += record.preemptions;
    m.cached_prompt_tokens += record.cached_tokens;
    m.host_prompt_tokens += record.host_tokens;
    good += is_good(record, request.output_tokens, level) ? 1 : 0;
  }
  const auto of = [&](RequestLatency latency) {
    return summarise(latencies(traffic.requests, records, latency));
  };
  m.queueing_s = of(queueing);
  m.ttft_s = of(ttft);
  m.tpot_s = of(tpot);
  m.e2e_s = of(e2e);
  m.normalised_s = of(normalised);
  m.kv_wait_s = of(kv_wait);
  m.kv_transfer_s = of(kv_transfer);
  m.itl_s = summary_of(gaps_.count(), gaps_.mean_s(), gaps_.quantiles_s(kQuantiles));
  m.computed_prompt_tokens = prompt_tokens_;
  m.steps = steps_;
  m.swapped_out_blocks = swapped_out_;
  m.swapped_in_blocks = swapped_in_;
  m.host_stored_blocks = host_stored_;
  m.host_loaded_blocks = host_loaded_;
  m.draft_tokens = drafts_;
  m.accepted_tokens = accepted_;
  if (drafts_ > 0) {
    m.accepted_fraction = static_cast<double>(accepted_) / static_cast<double>(drafts_);
    m.acceptance_length = 1 + static_cast<double>(accepted_) / static_cast<double>(drafted_);
  }
  m.waiting_max = waiting_max_;
  if (m.finished > 0) {
    m.duration_s = seconds(first, last);
    m.window_s = seconds(std::max(first, begin_), std::max(last, workloads::to_time(last_end_)));
  }
  const auto per_second = [&](std::int64_t count) {
    return m.duration_s > 0 ? static_cast<double>(count) / m.duration_s : 0.0;
  };
  m.output_tokens_per_s = per_second(m.output_tokens);
  m.total_tokens_per_s = per_second(m.prompt_tokens + m.output_tokens);
  m.requests_per_s = per_second(m.finished);
  if (level.any()) {
    m.good_requests_per_s = per_second(good);
    m.good_fraction = static_cast<double>(good) / static_cast<double>(m.offered);
  }
  const auto blocks = static_cast<double>(config.limits.kv_blocks);
  if (busy_ > 0 && m.duration_s > 0) {
    const double busy_s = workloads::to_seconds(busy_);
    m.busy_fraction = std::min(busy_s / (m.window_s * config.replicas), 1.0);
    for (const workloads::Ticks stage : stages_) {
      m.stage_busy.push_back(
          std::min(workloads::to_seconds(stage) / (m.window_s * config.replicas), 1.0));
    }
    if (!stages_.empty()) {
      const auto computing = std::accumulate(stages_.begin(), stages_.end(), workloads::Ticks{});
      m.bubble_fraction =
          1 - workloads::to_seconds(computing) / busy_s / static_cast<double>(stages_.size());
    }
    m.lockstep_wait_fraction = workloads::to_seconds(waited_) / busy_s;
    m.swap_fraction = workloads::to_seconds(copying_) / busy_s;
    m.mean_batch = workloads::to_seconds(sequence_time_) / busy_s;
    m.kv_used_fraction = block_seconds_ / busy_s / blocks;
    m.kv_used_fraction_max = static_cast<double>(held_max_) / blocks;
  }
  if (!traffic.closed_loop) m.queue_growth = queue_growth(records);
  return m;
}

}  // namespace rigsim::analysis
