#include "workloads/traffic_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "workloads/traffic_generator.h"

namespace rigsim::workloads {
namespace {

using sim::Duration;
using sim::Time;

void check_factor(double factor) {
  if (factor > 0 && std::isfinite(factor)) return;
  throw std::invalid_argument(fmt::format("a factor must be > 0 and finite, got {}", factor));
}

Duration divided(Duration time, double factor) {
  const double ps = static_cast<double>(time.count()) / factor;
  if (!(ps < 9.2e18)) {
    throw std::out_of_range("the last request would arrive beyond the clock's 106 days");
  }
  return Duration(std::llround(ps));
}

std::int64_t scaled(std::int64_t tokens, double factor) {
  const double product = static_cast<double>(tokens) * factor;
  if (product > static_cast<double>(kMostTokens)) {
    throw std::invalid_argument(fmt::format("{} tokens times {} are more than the {} allowed",
                                            tokens, factor, kMostTokens));
  }
  return std::max<std::int64_t>(1, std::llround(product));
}

/// Leaves no more hashes than blocks that the prompt begins (`whole`: fills).
void fit_hashes(TrafficRequest& request, std::int64_t block, bool whole) {
  if (block == 0) return;
  const std::int64_t blocks = (request.prompt_tokens + (whole ? 0 : block - 1)) / block;
  request.hash_count =
      static_cast<std::uint32_t>(std::min<std::int64_t>(request.hash_count, blocks));
}

/// Keeps the requests of [begin, end) and, in a closed loop, their think times.
void keep_range(Traffic& traffic, std::ptrdiff_t begin, std::ptrdiff_t end) {
  const auto cut = [&](auto& all) {
    all.erase(all.begin() + end, all.end());
    all.erase(all.begin(), all.begin() + begin);
  };
  cut(traffic.requests);
  if (traffic.closed_loop) cut(traffic.closed_loop->think);
}

void drop_too_long(Traffic& traffic, std::int64_t limit, std::int64_t prompt_limit,
                   ContextCut& counts) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < traffic.requests.size(); ++i) {
    const TrafficRequest& request = traffic.requests[i];
    if (request.prompt_tokens > prompt_limit ||
        request.prompt_tokens + request.output_tokens > limit)
      continue;
    if (traffic.closed_loop) traffic.closed_loop->think[kept] = traffic.closed_loop->think[i];
    traffic.requests[kept++] = request;
  }
  counts.dropped = static_cast<std::int64_t>(traffic.requests.size() - kept);
  traffic.requests.resize(kept);
  if (traffic.closed_loop) traffic.closed_loop->think.resize(kept);
}

}  // namespace

void scale_rate(Traffic& traffic, double factor) {
  check_factor(factor);
  if (factor == 1) return;
  for (TrafficRequest& request : traffic.requests) {
    request.arrival = Time(divided(request.arrival.time_since_epoch(), factor));
  }
  if (!traffic.closed_loop) return;
  for (Duration& think : traffic.closed_loop->think) think = divided(think, factor);
}

void scale_lengths(Traffic& traffic, double prompt_factor, double output_factor) {
  check_factor(prompt_factor);
  check_factor(output_factor);
  if (prompt_factor == 1 && output_factor == 1) return;
  if (traffic.hash_block_tokens > 0) {
    traffic.hash_block_tokens = scaled(traffic.hash_block_tokens, prompt_factor);
  }
  for (TrafficRequest& request : traffic.requests) {
    request.prompt_tokens = scaled(request.prompt_tokens, prompt_factor);
    request.output_tokens = scaled(request.output_tokens, output_factor);
    fit_hashes(request, traffic.hash_block_tokens, false);
  }
}

void cut_time(Traffic& traffic, std::optional<Duration> from, std::optional<Duration> to) {
  if (!from && !to) return;
  if (traffic.closed_loop) {
    throw std::invalid_argument("a closed loop has no arrivals to cut by time");
  }
  if (traffic.requests.empty()) return;
  const Time start = traffic.requests.front().arrival;
  const auto first_at = [&](Duration offset) {
    const auto found =
        std::partition_point(traffic.requests.begin(), traffic.requests.end(),
                             [&](const auto& r) { return r.arrival - start < offset; });
    return found - traffic.requests.begin();
  };
  const auto end = to ? first_at(*to) : static_cast<std::ptrdiff_t>(traffic.requests.size());
  const auto begin = from ? first_at(*from) : std::ptrdiff_t{0};
  keep_range(traffic, std::min(begin, end), end);
  if (traffic.requests.empty()) return;
  const Duration offset = traffic.requests.front().arrival.time_since_epoch();
  for (TrafficRequest& request : traffic.requests) request.arrival -= offset;
}

void keep_first(Traffic& traffic, std::int64_t count) {
  const auto size = static_cast<std::int64_t>(traffic.requests.size());
  keep_range(traffic, 0, static_cast<std::ptrdiff_t>(std::clamp<std::int64_t>(count, 0, size)));
}

ContextCut fit_context(Traffic& traffic, std::int64_t context_tokens, TooLong policy,
                       std::int64_t prompt_tokens) {
  if (context_tokens < 2) throw std::invalid_argument("a context must hold at least 2 tokens");
  if (prompt_tokens < 1) throw std::invalid_argument("a prompt must have at least 1 token");
  ContextCut counts;
  if (policy == TooLong::kDrop) {
    drop_too_long(traffic, context_tokens, prompt_tokens, counts);
    return counts;
  }
  const std::int64_t longest = std::min(context_tokens - 1, prompt_tokens);
  for (TrafficRequest& request : traffic.requests) {
    if (request.prompt_tokens > longest) {
      request.prompt_tokens = longest;
      fit_hashes(request, traffic.hash_block_tokens, true);
      ++counts.truncated_prompts;
    }
    if (request.output_tokens > context_tokens - request.prompt_tokens) {
      request.output_tokens = context_tokens - request.prompt_tokens;
      ++counts.truncated_outputs;
    }
  }
  return counts;
}

}  // namespace rigsim::workloads
