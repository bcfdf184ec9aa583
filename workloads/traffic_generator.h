#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "sim/units.h"
#include "workloads/traffic.h"

namespace rigsim::workloads {

/// Independent users without number: exponential times between arrivals.
struct PoissonArrivals {
  double per_second = 1;
};

/// Times between arrivals from a gamma distribution with mean 1 / per_second. `shape` is what
/// vLLM's `bench serve` calls burstiness: below 1 requests come in bursts, 1 is Poisson, above 1
/// they come more evenly; the coefficient of variation is 1 / sqrt(shape).
struct GammaArrivals {
  double per_second = 1;
  double shape = 1;
};

/// One request every 1 / per_second.
struct UniformArrivals {
  double per_second = 1;
};

/// A rate that grows or falls evenly with the request's number i, as `bench serve
/// --ramp-up-strategy linear` has it: from + (to - from) i / (n - 1), exponential times at it.
struct RampArrivals {
  double from_per_second = 1;
  double to_per_second = 1;
};

/// Users who think between an answer and their next request: always equally long, or exponentially
/// distributed with that mean. All users send their first request at time 0.
struct ClosedArrivals {
  std::int64_t users = 1;
  sim::Duration think{};
  bool exponential_think = false;
};

using Arrivals =
    std::variant<PoissonArrivals, GammaArrivals, UniformArrivals, RampArrivals, ClosedArrivals>;

struct FixedLength {
  std::int64_t tokens = 1;
};

/// Each whole number from `least` to `most` alike.
struct UniformLength {
  std::int64_t least = 1;
  std::int64_t most = 1;
};

/// The logarithm is normal; `mean` and `cv` (standard deviation / mean) are the distribution's own,
/// before rounding to whole tokens, at least 1 and at most kMostTokens.
struct LognormalLength {
  double mean = 1;
  double cv = 1;
};

using LengthDistribution = std::variant<FixedLength, UniformLength, LognormalLength>;

/// The most tokens that a prompt or an output may have.
inline constexpr std::int64_t kMostTokens = 1'000'000'000;
/// The most requests that one traffic may have.
inline constexpr std::int64_t kMostRequests = 100'000'000;

/// Prompt and output drawn independently.
struct IndependentLengths {
  LengthDistribution prompt = FixedLength{1024};
  LengthDistribution output = FixedLength{128};
};

/// Prompt and output of requests that were seen: a pair at a time, so that they stay correlated.
struct EmpiricalLengths {
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;  ///< prompt, output
  bool in_order = false;  ///< one after the other and again from the start; else drawn at random
};

using Lengths = std::variant<IndependentLengths, EmpiricalLengths>;

/// Traffic that is made up.
struct TrafficPlan {
  std::string source;
  Arrivals arrivals;
  Lengths lengths;
};

/// Throws std::invalid_argument, naming the number and what is allowed, for a rate that is not > 0
/// and finite, a shape outside 1e-4 to 1e6, no users.
void validate(const Arrivals& arrivals);
/// ... for lengths out of order, below 1 or beyond kMostTokens, a cv outside 0 to 100.
void validate(const LengthDistribution& lengths);

/// Makes `requests` requests, the first at time 0. The same plan, number and seed give the same
/// bits on every machine: Boost.Random's mt19937_64 with its ziggurat exponential and normal
/// distributions, Marsaglia and Tsang's gamma (ACM TOMS 26(3), 2000) and portable_math.h. Arrivals,
/// prompts, outputs and think times draw from streams of their own: another length does not move an
/// arrival. Throws std::invalid_argument as validate(), for no pairs and more than kMostRequests;
/// and std::out_of_range where the last request arrives beyond the clock's 106 days.
[[nodiscard]] Traffic generate_traffic(const TrafficPlan& plan, std::int64_t requests,
                                       std::uint64_t seed);

}  // namespace rigsim::workloads
