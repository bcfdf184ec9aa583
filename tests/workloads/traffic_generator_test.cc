#include "workloads/traffic_generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

constexpr std::int64_t kMany = 200'000;

struct Moments {
  double mean = 0;
  double cv = 0;
};

Moments moments(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, std::sqrt(squares / n) / mean};
}

std::vector<double> gaps(const Traffic& traffic) {
  std::vector<double> out;
  for (std::size_t i = 1; i < traffic.requests.size(); ++i) {
    out.push_back(sim::to_seconds(traffic.requests[i].arrival - traffic.requests[i - 1].arrival));
  }
  return out;
}

std::vector<double> prompts(const Traffic& traffic) {
  std::vector<double> out;
  for (const auto& r : traffic.requests) out.push_back(static_cast<double>(r.prompt_tokens));
  return out;
}

Traffic made(Arrivals arrivals, Lengths lengths = IndependentLengths{}, std::int64_t n = kMany,
             std::uint64_t seed = 1) {
  return generate_traffic({"test", std::move(arrivals), std::move(lengths)}, n, seed);
}

// Of 200,000 exponential gaps the mean is off by 1/sqrt(200000) = 0.22 % (one sigma), the cv too.
TEST(TrafficGenerator, PoissonHasItsRateAndACvOfOne) {
  const Moments m = moments(gaps(made(PoissonArrivals{4})));
  EXPECT_NEAR(m.mean, 0.25, 0.25 * 0.008);
  EXPECT_NEAR(m.cv, 1, 0.01);
}

// The cv of a gamma distribution is 1/sqrt(shape); the mean's sigma is cv/sqrt(n).
TEST(TrafficGenerator, GammaHasItsRateAndItsBurstiness) {
  for (const double shape : {0.05, 0.25, 1.0, 4.0, 100.0}) {
    const Moments m = moments(gaps(made(GammaArrivals{4, shape})));
    const double cv = 1 / std::sqrt(shape);
    EXPECT_NEAR(m.mean, 0.25, 0.25 * 0.01 * std::fmax(cv, 0.5)) << shape;
    EXPECT_NEAR(m.cv, cv, 0.03 * cv) << shape;
  }
}

TEST(TrafficGenerator, UniformIsOneEveryInterval) {
  const Traffic traffic = made(UniformArrivals{3}, IndependentLengths{}, 7);
  EXPECT_EQ(traffic.requests[0].arrival, sim::Time{});
  EXPECT_EQ(traffic.requests[3].arrival.time_since_epoch(), 1s);
  EXPECT_EQ(traffic.requests[6].arrival.time_since_epoch(), 2s);
}

// Expected seconds: sum of 1/(1 + 9 i/(n-1)) = (n-1)/9 * ln(10), n = 200,000.
TEST(TrafficGenerator, ARampGoesFromItsFirstRateToItsLast) {
  const Traffic traffic = made(RampArrivals{1, 10});
  const double seconds = sim::to_seconds(traffic.requests.back().arrival.time_since_epoch());
  EXPECT_NEAR(seconds, (kMany - 1) / 9.0 * std::log(10.0), 0.01 * seconds);
  const auto all = gaps(traffic);
  EXPECT_NEAR(moments({all.begin(), all.begin() + 5000}).mean, 1 / 1.11, 0.08);
  EXPECT_NEAR(moments({all.end() - 5000, all.end()}).mean, 1 / 9.89, 0.008);
}

TEST(TrafficGenerator, AClosedLoopHasUsersAndThinkTimes) {
  const Traffic fixed = made(ClosedArrivals{16, 2s}, IndependentLengths{}, 100);
  ASSERT_TRUE(fixed.closed_loop);
  EXPECT_EQ(fixed.closed_loop->users, 16);
  EXPECT_EQ(fixed.closed_loop->think, std::vector<sim::Duration>(100, 2s));
  const Traffic drawn = made(ClosedArrivals{16, 2s, true});
  std::vector<double> think;
  for (const auto t : drawn.closed_loop->think) think.push_back(sim::to_seconds(t));
  EXPECT_NEAR(moments(think).mean, 2, 0.02);
  EXPECT_NEAR(moments(think).cv, 1, 0.01);
}

TEST(TrafficGenerator, LengthsHaveTheirMoments) {
  const auto drawn = [](LengthDistribution prompt) {
    return moments(prompts(made(UniformArrivals{1}, IndependentLengths{prompt, FixedLength{7}})));
  };
  EXPECT_EQ(drawn(FixedLength{512}).mean, 512);
  // Uniform on 100..1000: mean 550, variance (901^2 - 1) / 12.
  EXPECT_NEAR(drawn(UniformLength{100, 1000}).mean, 550, 2.5);
  EXPECT_NEAR(drawn(UniformLength{100, 1000}).cv, 260.1 / 550, 0.005);
  EXPECT_NEAR(drawn(LognormalLength{512, 1}).mean, 512, 5);
  EXPECT_NEAR(drawn(LognormalLength{512, 1}).cv, 1, 0.03);
  EXPECT_NEAR(drawn(LognormalLength{512, 0}).cv, 0, 1e-9);
}

TEST(TrafficGenerator, EmpiricalPairsStayPairs) {
  const std::vector<std::pair<std::int64_t, std::int64_t>> pairs = {{10, 1}, {20, 2}, {30, 3}};
  const Traffic cycled = made(UniformArrivals{1}, EmpiricalLengths{pairs, true}, 4);
  EXPECT_EQ(cycled.requests[2].prompt_tokens, 30);
  EXPECT_EQ(cycled.requests[3].prompt_tokens, 10);
  std::map<std::int64_t, int> seen;
  for (const auto& r : made(UniformArrivals{1}, EmpiricalLengths{pairs}, 30'000).requests) {
    EXPECT_EQ(r.prompt_tokens, 10 * r.output_tokens);
    ++seen[r.output_tokens];
  }
  for (const auto& [output, times] : seen) EXPECT_NEAR(times, 10'000, 400) << output;
}

TEST(TrafficGenerator, OtherLengthsDoNotMoveAnArrival) {
  const Traffic a = made(PoissonArrivals{4}, IndependentLengths{}, 1000);
  const Traffic b = made(PoissonArrivals{4},
                         IndependentLengths{LognormalLength{100, 2}, UniformLength{1, 9}}, 1000);
  EXPECT_EQ(gaps(a), gaps(b));
  EXPECT_NE(gaps(a), gaps(made(PoissonArrivals{4}, IndependentLengths{}, 1000, 2)));
}

// FNV-1a over all that was made: another machine, compiler or Boost must give these very bits.
std::uint64_t fingerprint(const Traffic& traffic) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  const auto add = [&](std::int64_t value) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001b3U;
  };
  for (const auto& r : traffic.requests) {
    add(r.arrival.time_since_epoch().count());
    add(r.prompt_tokens);
    add(r.output_tokens);
  }
  if (traffic.closed_loop) {
    for (const auto think : traffic.closed_loop->think) add(think.count());
  }
  return hash;
}

TEST(TrafficGenerator, TheSameSeedGivesTheSameBits) {
  const IndependentLengths lengths{LognormalLength{512, 1}, UniformLength{1, 300}};
  EXPECT_EQ(fingerprint(made(PoissonArrivals{4}, lengths, 10'000, 7)), 11174570165919253540U);
  EXPECT_EQ(fingerprint(made(GammaArrivals{4, 0.25}, lengths, 10'000, 7)), 17985356872544208881U);
  EXPECT_EQ(fingerprint(made(GammaArrivals{4, 3}, lengths, 10'000, 7)), 5236897432814022280U);
  EXPECT_EQ(fingerprint(made(RampArrivals{1, 5}, lengths, 10'000, 7)), 2055413115274584272U);
  EXPECT_EQ(fingerprint(made(ClosedArrivals{4, 2s, true}, lengths, 10'000, 7)),
            17290351499560154982U);
}

TEST(TrafficGenerator, RefusesWhatNoDistributionHas) {
  const auto refused = [](const Arrivals& arrivals, const Lengths& lengths, std::int64_t n = 10) {
    EXPECT_THROW((void)generate_traffic({"", arrivals, lengths}, n, 1), std::invalid_argument);
  };
  const IndependentLengths fine;
  refused(PoissonArrivals{0}, fine);
  refused(PoissonArrivals{std::nan("")}, fine);
  refused(UniformArrivals{-1}, fine);
  refused(GammaArrivals{1, 0}, fine);
  refused(RampArrivals{1, 0}, fine);
  refused(ClosedArrivals{0}, fine);
  refused(ClosedArrivals{1, -1s}, fine);
  refused(PoissonArrivals{1}, fine, 0);
  refused(PoissonArrivals{1}, IndependentLengths{FixedLength{0}, FixedLength{1}});
  refused(PoissonArrivals{1}, IndependentLengths{UniformLength{9, 8}, FixedLength{1}});
  refused(PoissonArrivals{1}, IndependentLengths{LognormalLength{0, 1}, FixedLength{1}});
  refused(PoissonArrivals{1}, IndependentLengths{LognormalLength{9, -1}, FixedLength{1}});
  refused(PoissonArrivals{1}, EmpiricalLengths{});
  refused(PoissonArrivals{1}, EmpiricalLengths{{{1, 0}}, false});
  EXPECT_THROW((void)made(PoissonArrivals{1e-9}, fine, 10), std::out_of_range);
  EXPECT_THROW((void)made(UniformArrivals{1e-9}, fine, 100), std::out_of_range);
}

}  // namespace
}  // namespace rigsim::workloads
