#include "workloads/traffic_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "workloads/portable_math.h"
#include "workloads/random_variates.h"

namespace rigsim::workloads {
namespace {

using sim::Duration;

enum Stream : std::uint64_t { kArrivalStream, kPromptStream, kOutputStream, kThinkStream };

// Beyond these a gamma or lognormal distribution is a spike or a few giants, and rounding shows.
constexpr double kLeastShape = 1e-4;
constexpr double kMostShape = 1e6;
constexpr double kMostCv = 100;

void check_positive(double value, const char* what) {
  if (value > 0 && std::isfinite(value)) return;
  throw std::invalid_argument(fmt::format("{} must be > 0 and finite, got {}", what, value));
}

void check_within(double value, double least, double most, const char* what) {
  if (value >= least && value <= most) return;
  throw std::invalid_argument(fmt::format("{} must be {} to {}, got {}", what, least, most, value));
}

void check_tokens(std::int64_t tokens) {
  if (tokens >= 1 && tokens <= kMostTokens) return;
  throw std::invalid_argument(
      fmt::format("a length must be 1 to {} tokens, got {}", kMostTokens, tokens));
}

/// Throws for what a distribution cannot have.
struct Check {
  void operator()(const PoissonArrivals& p) const { check_positive(p.per_second, "a rate"); }
  void operator()(const UniformArrivals& p) const { check_positive(p.per_second, "a rate"); }
  void operator()(const GammaArrivals& p) const {
    check_positive(p.per_second, "a rate");
    check_within(p.shape, kLeastShape, kMostShape, "a burstiness");
  }
  void operator()(const RampArrivals& p) const {
    check_positive(p.from_per_second, "a rate");
    check_positive(p.to_per_second, "a rate");
  }
  void operator()(const ClosedArrivals& p) const {
    if (p.users < 1) throw std::invalid_argument("users must be >= 1");
    if (p.think < Duration::zero()) throw std::invalid_argument("a think time must be >= 0");
  }
  void operator()(const FixedLength& p) const { check_tokens(p.tokens); }
  void operator()(const UniformLength& p) const {
    check_tokens(p.least);
    check_tokens(p.most);
    if (p.least > p.most) throw std::invalid_argument("the least length is above the most");
  }
  void operator()(const LognormalLength& p) const {
    check_within(p.mean, 1, static_cast<double>(kMostTokens), "a mean length");
    check_within(p.cv, 0, kMostCv, "a cv");
  }
  void operator()(const IndependentLengths& p) const {
    std::visit(*this, p.prompt);
    std::visit(*this, p.output);
  }
  void operator()(const EmpiricalLengths& p) const {
    if (p.pairs.empty()) throw std::invalid_argument("there are no lengths to draw from");
    for (const auto& [prompt, output] : p.pairs) {
      check_tokens(prompt);
      check_tokens(output);
    }
  }
};

/// Seconds between request i - 1 and request i of n.
struct Gap {
  RandomVariates& random;
  std::int64_t i;
  std::int64_t n;

  double operator()(const PoissonArrivals& p) const { return random.exponential() / p.per_second; }
  double operator()(const UniformArrivals& p) const { return 1 / p.per_second; }
  double operator()(const GammaArrivals& p) const {
    return random.gamma(p.shape) / (p.shape * p.per_second);
  }
  double operator()(const RampArrivals& p) const {
    const double progress = static_cast<double>(i) / static_cast<double>(n - 1);
    const double rate = p.from_per_second + (p.to_per_second - p.from_per_second) * progress;
    return random.exponential() / rate;
  }
  double operator()(const ClosedArrivals&) const { return 0; }
};

Duration sum(Duration a, Duration b) {
  if (b > Duration::max() - a) {
    throw std::out_of_range("the last request would arrive beyond the clock's 106 days");
  }
  return a + b;
}

/// Appends `n` requests; memory is touched only as far as the clock reaches.
void place_arrivals(Traffic& traffic, const Arrivals& arrivals, std::int64_t n,
                    std::uint64_t seed) {
  RandomVariates random(seed, kArrivalStream);
  const auto* even = std::get_if<UniformArrivals>(&arrivals);
  const auto evenly = [&](std::int64_t i) {
    return sim::from_seconds(static_cast<double>(i) / even->per_second);
  };
  if (even != nullptr) (void)evenly(n - 1);  // throws at once
  Duration now{};
  traffic.requests.emplace_back();
  for (std::int64_t i = 1; i < n; ++i) {
    now = even != nullptr ? evenly(i)
                          : sum(now, sim::from_seconds(std::visit(Gap{random, i, n}, arrivals)));
    traffic.requests.emplace_back().arrival = sim::Time(now);
  }
}

/// Draws one length.
class LengthDraw {
 public:
  LengthDraw(const LengthDistribution& lengths, std::uint64_t seed, Stream stream)
      : lengths_(lengths), random_(seed, stream) {
    if (const auto* spread = std::get_if<LognormalLength>(&lengths)) {
      const double variance = portable_log(1 + spread->cv * spread->cv);
      sigma_ = std::sqrt(variance);
      mu_ = portable_log(spread->mean) - variance / 2;
    }
  }

  std::int64_t operator()() {
    return std::visit([this](const auto& l) { return draw(l); }, lengths_);
  }

 private:
  std::int64_t draw(const FixedLength& l) { return l.tokens; }
  std::int64_t draw(const UniformLength& l) { return random_.whole(l.least, l.most); }
  std::int64_t draw(const LognormalLength&) {
    const double most = 30;  // e^30 is far beyond kMostTokens
    const double tokens = portable_exp(std::clamp(mu_ + sigma_ * random_.normal(), -most, most));
    return std::llround(std::clamp(tokens, 1.0, static_cast<double>(kMostTokens)));
  }

  LengthDistribution lengths_;
  RandomVariates random_;
  double mu_ = 0;
  double sigma_ = 0;
};

void set_lengths(Traffic& traffic, const IndependentLengths& lengths, std::uint64_t seed) {
  LengthDraw prompt(lengths.prompt, seed, kPromptStream);
  LengthDraw output(lengths.output, seed, kOutputStream);
  for (TrafficRequest& request : traffic.requests) {
    request.prompt_tokens = prompt();
    request.output_tokens = output();
  }
}

void set_lengths(Traffic& traffic, const EmpiricalLengths& lengths, std::uint64_t seed) {
  RandomVariates random(seed, kPromptStream);
  const auto last = static_cast<std::int64_t>(lengths.pairs.size()) - 1;
  std::size_t next = 0;
  for (TrafficRequest& request : traffic.requests) {
    const std::size_t i = lengths.in_order ? next++ % lengths.pairs.size()
                                           : static_cast<std::size_t>(random.whole(0, last));
    std::tie(request.prompt_tokens, request.output_tokens) = lengths.pairs[i];
  }
}

ClosedLoop closed_loop(const ClosedArrivals& users, std::size_t requests, std::uint64_t seed) {
  RandomVariates random(seed, kThinkStream);
  ClosedLoop loop{users.users, std::vector<Duration>(requests, users.think)};
  if (!users.exponential_think) return loop;
  const double mean = sim::to_seconds(users.think);
  for (Duration& think : loop.think) think = sim::from_seconds(mean * random.exponential());
  return loop;
}

}  // namespace

void validate(const Arrivals& arrivals) { std::visit(Check{}, arrivals); }

void validate(const LengthDistribution& lengths) { std::visit(Check{}, lengths); }

Traffic generate_traffic(const TrafficPlan& plan, std::int64_t requests, std::uint64_t seed) {
  if (requests < 1 || requests > kMostRequests) {
    throw std::invalid_argument(
        fmt::format("the number of requests must be 1 to {}, got {}", kMostRequests, requests));
  }
  validate(plan.arrivals);
  std::visit(Check{}, plan.lengths);
  Traffic traffic;
  traffic.source = plan.source;
  traffic.requests.reserve(static_cast<std::size_t>(requests));
  if (const auto* users = std::get_if<ClosedArrivals>(&plan.arrivals)) {
    traffic.requests.resize(static_cast<std::size_t>(requests));
    traffic.closed_loop = closed_loop(*users, traffic.requests.size(), seed);
  } else {
    place_arrivals(traffic, plan.arrivals, requests, seed);
  }
  std::visit([&](const auto& lengths) { set_lengths(traffic, lengths, seed); }, plan.lengths);
  return traffic;
}

}  // namespace rigsim::workloads
