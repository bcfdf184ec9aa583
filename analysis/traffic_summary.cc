#include "analysis/traffic_summary.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <unordered_set>
#include <vector>

#include "analysis/error_statistics.h"

namespace rigsim::analysis {
namespace {

using Json = nlohmann::ordered_json;
using workloads::Traffic;
using workloads::TrafficRequest;

constexpr sim::Duration kMinute = std::chrono::minutes(1);

using Values = std::vector<double>;

template <class F>
Values values_of(const Traffic& traffic, F&& value) {
  Values out;
  out.reserve(traffic.requests.size());
  for (const TrafficRequest& request : traffic.requests) {
    out.push_back(static_cast<double>(value(request)));
  }
  return out;
}

double mean_of(const Values& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

LengthSummary lengths_of(Values values) {
  LengthSummary summary;
  summary.mean = mean_of(values);
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) { return quantile_of_sorted(values, q); };
  summary.p1 = at(0.01);
  summary.p25 = at(0.25);
  summary.p50 = at(0.5);
  summary.p75 = at(0.75);
  summary.p90 = at(0.9);
  summary.p95 = at(0.95);
  summary.p99 = at(0.99);
  summary.max = values.back();
  return summary;
}

/// Mean of the products of what two are off their means.
double covariance(const Values& a, const Values& b) {
  const double mean_a = mean_of(a), mean_b = mean_of(b);
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size());
}

std::optional<double> correlation_of(const Values& a, const Values& b) {
  const double scale = std::sqrt(covariance(a, a)) * std::sqrt(covariance(b, b));
  if (!(scale > 0)) return std::nullopt;
  return covariance(a, b) / scale;
}

std::optional<double> gaps_cv(const Traffic& traffic) {
  Values gaps;
  for (std::size_t i = 1; i < traffic.requests.size(); ++i) {
    gaps.push_back(sim::to_seconds(traffic.requests[i].arrival - traffic.requests[i - 1].arrival));
  }
  if (gaps.empty() || !(mean_of(gaps) > 0)) return std::nullopt;
  return std::sqrt(covariance(gaps, gaps)) / mean_of(gaps);
}

double peak_per_second(const Traffic& traffic) {
  std::int64_t minute = -1, count = 0, most = 0;
  const sim::Time first = traffic.requests.front().arrival;
  for (const TrafficRequest& request : traffic.requests) {
    const std::int64_t now = (request.arrival - first) / kMinute;
    count = now == minute ? count + 1 : 1;
    minute = now;
    most = std::max(most, count);
  }
  return static_cast<double>(most) / 60;
}

ArrivalSummary arrivals_of(const Traffic& traffic, double prompt_tokens, double output_tokens) {
  ArrivalSummary summary;
  summary.duration = traffic.requests.back().arrival - traffic.requests.front().arrival;
  if (summary.duration <= sim::Duration::zero()) return summary;
  const double seconds = sim::to_seconds(summary.duration);
  summary.per_second = static_cast<double>(traffic.requests.size()) / seconds;
  summary.prompt_tokens_per_s = prompt_tokens / seconds;
  summary.output_tokens_per_s = output_tokens / seconds;
  summary.cv = gaps_cv(traffic);
  if (summary.duration >= kMinute) summary.peak_per_second = peak_per_second(traffic);
  return summary;
}

PrefixSummary prefixes_of(const Traffic& traffic) {
  PrefixSummary summary{traffic.hash_block_tokens};
  std::unordered_set<std::uint64_t> seen;
  for (const TrafficRequest& request : traffic.requests) {
    const auto hashes = std::span<const std::uint64_t>(traffic.prefix_hashes)
                            .subspan(request.first_hash, request.hash_count);
    const auto known = std::find_if(hashes.begin(), hashes.end(),
                                    [&](std::uint64_t h) { return !seen.contains(h); });
    summary.reused += known - hashes.begin();
    summary.blocks += static_cast<std::int64_t>(hashes.size());
    seen.insert(known, hashes.end());
  }
  summary.distinct = static_cast<std::int64_t>(seen.size());
  return summary;
}

Json or_null(const std::optional<double>& number) { return number ? Json(*number) : Json(); }

Json to_json(const LengthSummary& l) {
  return {{"mean", l.mean}, {"p1", l.p1},   {"p25", l.p25}, {"p50", l.p50}, {"p75", l.p75},
          {"p90", l.p90},   {"p95", l.p95}, {"p99", l.p99}, {"max", l.max}};
}

Json to_json(const ArrivalSummary& a) {
  return {{"duration_s", sim::to_seconds(a.duration)},
          {"requests_per_s", or_null(a.per_second)},
          {"peak_requests_per_s", or_null(a.peak_per_second)},
          {"cv", or_null(a.cv)},
          {"prompt_tokens_per_s", or_null(a.prompt_tokens_per_s)},
          {"output_tokens_per_s", or_null(a.output_tokens_per_s)}};
}

Json to_json(const PrefixSummary& p) {
  const double blocks = static_cast<double>(std::max<std::int64_t>(p.blocks, 1));
  return {{"block_tokens", p.block_tokens},
          {"blocks", p.blocks},
          {"distinct_blocks", p.distinct},
          {"reused_blocks", p.reused},
          {"reused_fraction", static_cast<double>(p.reused) / blocks}};
}

}  // namespace

TrafficSummary summarise(const configs::LoadedTraffic& loaded) {
  const Traffic& traffic = loaded.traffic;
  const Values prompts = values_of(traffic, [](const auto& r) { return r.prompt_tokens; });
  const Values outputs = values_of(traffic, [](const auto& r) { return r.output_tokens; });
  TrafficSummary summary;
  summary.requests = static_cast<std::int64_t>(traffic.requests.size());
  summary.prompt = lengths_of(prompts);
  summary.output = lengths_of(outputs);
  summary.correlation = correlation_of(prompts, outputs);
  if (loaded.has_arrivals && !traffic.closed_loop) {
    summary.arrivals = arrivals_of(traffic, std::accumulate(prompts.begin(), prompts.end(), 0.0),
                                   std::accumulate(outputs.begin(), outputs.end(), 0.0));
  }
  if (traffic.hash_block_tokens > 0) summary.prefixes = prefixes_of(traffic);
  return summary;
}

Json to_json(const TrafficSummary& summary) {
  return {{"requests", summary.requests},
          {"prompt_tokens", to_json(summary.prompt)},
          {"output_tokens", to_json(summary.output)},
          {"prompt_output_correlation", or_null(summary.correlation)},
          {"arrivals", summary.arrivals ? to_json(*summary.arrivals) : Json()},
          {"prefixes", summary.prefixes ? to_json(*summary.prefixes) : Json()}};
}

Json to_json(const configs::TraceReport& report) {
  return {{"form", report.form},
          {"rows", report.rows},
          {"bad", report.bad},
          {"bad_examples", report.bad_examples},
          {"unanswered", report.unanswered},
          {"out_of_order", report.out_of_order},
          {"same_time", report.same_time},
          {"note", report.note}};
}

}  // namespace rigsim::analysis
