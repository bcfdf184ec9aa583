#include "analysis/chance.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "analysis/request_latency.h"

namespace rigsim::analysis {
namespace {

constexpr std::array kLatencies{&ServingMetrics::queueing_s, &ServingMetrics::ttft_s,
                                &ServingMetrics::tpot_s,     &ServingMetrics::itl_s,
                                &ServingMetrics::e2e_s,      &ServingMetrics::normalised_s,
                                &ServingMetrics::kv_wait_s,  &ServingMetrics::kv_transfer_s};
constexpr std::array kLatencyNumbers{&LatencySummary::mean, &LatencySummary::p50,
                                     &LatencySummary::p90,  &LatencySummary::p95,
                                     &LatencySummary::p99,  &LatencySummary::p999};
constexpr std::array kNumbers{&ServingMetrics::duration_s,
                              &ServingMetrics::output_tokens_per_s,
                              &ServingMetrics::total_tokens_per_s,
                              &ServingMetrics::requests_per_s,
                              &ServingMetrics::busy_fraction,
                              &ServingMetrics::mean_batch,
                              &ServingMetrics::kv_used_fraction,
                              &ServingMetrics::kv_used_fraction_max,
                              &ServingMetrics::bubble_fraction,
                              &ServingMetrics::window_s,
                              &ServingMetrics::lockstep_wait_fraction,
                              &ServingMetrics::swap_fraction,
                              &ServingMetrics::accepted_fraction,
                              &ServingMetrics::acceptance_length};
constexpr std::array kUses{&ServingUse::mfu,
                           &ServingUse::mbu,
                           &ServingUse::link_fraction,
                           &ServingUse::energy_j,
                           &ServingUse::energy_per_output_token_j,
                           &ServingUse::mean_power_w};
constexpr std::array kCounts{&ServingMetrics::offered,
                             &ServingMetrics::finished,
                             &ServingMetrics::too_long,
                             &ServingMetrics::prompt_tokens,
                             &ServingMetrics::output_tokens,
                             &ServingMetrics::preemptions,
                             &ServingMetrics::steps,
                             &ServingMetrics::cached_prompt_tokens,
                             &ServingMetrics::waiting_max,
                             &ServingMetrics::computed_prompt_tokens,
                             &ServingMetrics::swapped_out_blocks,
                             &ServingMetrics::swapped_in_blocks,
                             &ServingMetrics::host_prompt_tokens,
                             &ServingMetrics::host_stored_blocks,
                             &ServingMetrics::host_loaded_blocks,
                             &ServingMetrics::draft_tokens,
                             &ServingMetrics::accepted_tokens};
constexpr std::array kOptionals{&ServingMetrics::good_requests_per_s,
                                &ServingMetrics::good_fraction, &ServingMetrics::queue_growth};

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// Applies `f` to each number's values over the replications.
template <class F>
ServingMetrics combined(std::span<const ServingMetrics> all, F f) {
  ServingMetrics result = all.front();
  std::vector<double> values;
  const auto over = [&](auto&& number) {
    values.clear();
    for (const ServingMetrics& each : all) values.push_back(static_cast<double>(number(each)));
    return f(std::span<const double>(values));
  };
  for (const auto member : kNumbers)
    result.*member = over([&](const ServingMetrics& m) { return m.*member; });
  for (std::size_t s = 0; s < result.stage_busy.size(); ++s)
    result.stage_busy[s] = over([&](const ServingMetrics& m) { return m.stage_busy[s]; });
  for (const auto member : kUses)
    result.use.*member = over([&](const ServingMetrics& m) { return m.use.*member; });
  for (const auto latency : kLatencies) {
    for (const auto member : kLatencyNumbers)
      (result.*latency).*member =
          over([&](const ServingMetrics& m) { return (m.*latency).*member; });
  }
  for (const auto member : kCounts)
    result.*member = std::llround(over([&](const ServingMetrics& m) { return m.*member; }));
  return result;
}

}  // namespace

std::optional<double> student_half_width(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  const boost::math::students_t distribution(n - 1);
  return boost::math::quantile(distribution, (1 + kChanceLevel) / 2) *
         std::sqrt(squares / (n - 1) / n);
}

std::size_t mser5(std::span<const double> values) {
  constexpr std::size_t kBatch = 5;
  std::vector<double> batches;
  for (std::size_t i = 0; i + kBatch <= values.size(); i += kBatch)
    batches.push_back(mean(values.subspan(i, kBatch)));
  double least = std::numeric_limits<double>::infinity();
  std::size_t cut = 0;
  double sum = 0, squares = 0;
  for (std::size_t d = batches.size(); d-- > 0;) {  // what is left grows towards the front
    sum += batches[d];
    squares += batches[d] * batches[d];
    if (d > batches.size() / 2) continue;
    const auto left = static_cast<double>(batches.size() - d);
    const double error = std::max(squares - sum * sum / left, 0.0) / (left * left);
    if (error <= least) {
      least = error;
      cut = d;
    }
  }
  return cut * kBatch;
}

std::optional<BatchMeans> batch_means(std::span<const double> values) {
  constexpr std::size_t kBatches = 20;
  constexpr std::size_t kLeast = 200;
  if (values.size() < kLeast) return std::nullopt;
  const std::size_t size = values.size() / kBatches;
  std::vector<double> means;
  for (std::size_t i = 0; i < kBatches; ++i)
    means.push_back(mean(values.subspan(values.size() - (kBatches - i) * size, size)));
  const double middle = mean(means);
  double squares = 0, products = 0;
  for (std::size_t i = 0; i < kBatches; ++i) {
    squares += (means[i] - middle) * (means[i] - middle);
    if (i > 0) products += (means[i] - middle) * (means[i - 1] - middle);
  }
  return BatchMeans{*student_half_width(means), squares > 0 ? products / squares : 0};
}

ServingMetrics mean_of(std::span<const ServingMetrics> replications) {
  ServingMetrics result = combined(replications, mean);
  for (const auto member : kOptionals) {
    double sum = 0;
    double there = 0;
    for (const ServingMetrics& each : replications) {
      sum += (each.*member).value_or(0);
      there += each.*member ? 1 : 0;
    }
    result.*member = there > 0 ? std::optional(sum / there) : std::nullopt;
  }
  return result;
}

std::optional<ChanceIntervals> chance_over(std::span<const ServingMetrics> replications) {
  if (replications.size() < 2) return std::nullopt;
  ChanceIntervals chance;
  chance.replications = static_cast<std::int64_t>(replications.size());
  chance.half_width =
      combined(replications, [](std::span<const double> v) { return *student_half_width(v); });
  return chance;
}

std::optional<ChanceIntervals> chance_within(std::span<const workloads::TrafficRequest> requests,
                                             std::span<const workloads::RequestRecord> records) {
  ChanceIntervals chance;
  const auto add = [&](LatencySummary ServingMetrics::* member, RequestLatency latency) {
    const auto by_batches = batch_means(latencies(requests, records, latency));
    if (!by_batches) return;
    (chance.half_width.*member).count = 1;
    (chance.half_width.*member).mean = by_batches->half_width;
    chance.lag1 = std::max(chance.lag1.value_or(-1), by_batches->lag1);
  };
  add(&ServingMetrics::queueing_s, queueing);
  add(&ServingMetrics::ttft_s, ttft);
  add(&ServingMetrics::tpot_s, tpot);
  add(&ServingMetrics::e2e_s, e2e);
  add(&ServingMetrics::normalised_s, normalised);
  add(&ServingMetrics::kv_wait_s, kv_wait);
  add(&ServingMetrics::kv_transfer_s, kv_transfer);
  return chance.lag1 ? std::optional(chance) : std::nullopt;
}

}  // namespace rigsim::analysis
