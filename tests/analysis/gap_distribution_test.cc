#include "analysis/gap_distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "analysis/error_statistics.h"

namespace rigsim::analysis {
namespace {

using workloads::GapRun;

/// Every gap by itself, in seconds.
std::vector<double> single_gaps(const std::vector<GapRun>& runs) {
  std::vector<double> gaps;
  for (const GapRun& run : runs) {
    for (std::int64_t i = 0; i < run.gaps; ++i)
      gaps.insert(gaps.end(), static_cast<std::size_t>(run.sequences),
                  workloads::to_seconds(run.first + run.slope * i));
  }
  std::ranges::sort(gaps);
  return gaps;
}

// 10, 20, 30 of two sequences and one gap of 25: ten, ten, twenty, twenty, 25, thirty, thirty; the
// median is the fourth.
TEST(GapDistribution, CountsEachGapOfEachSequence) {
  GapDistribution gaps;
  gaps.add({10, 10, 3, 2});
  gaps.add({25, 0, 1, 1});
  EXPECT_EQ(gaps.count(), 7);
  EXPECT_DOUBLE_EQ(gaps.quantiles_s({0.5})[0], workloads::to_seconds(workloads::Ticks{20}));
  EXPECT_DOUBLE_EQ(gaps.mean_s(), workloads::to_seconds(workloads::Ticks{145}) / 7);
}

// 2^63 ticks are 140 s: a preempted sequence waits an hour, the others 10 ms.
TEST(GapDistribution, HoldsGapsOfHours) {
  GapDistribution gaps;
  gaps.add({workloads::ticks_of_seconds(0.01), 0, 99, 1});
  gaps.add({workloads::ticks_of_seconds(3600), 0, 1, 1});
  const std::vector<double> found = gaps.quantiles_s({0.5, 1});
  EXPECT_NEAR(found[0], 0.01, 1e-12);
  EXPECT_NEAR(found[1], 3600, 1e-6);
}

TEST(GapDistribution, OfNothingIsNothing) {
  const GapDistribution gaps;
  EXPECT_EQ(gaps.count(), 0);
  EXPECT_EQ(gaps.mean_s(), 0);
  EXPECT_EQ(gaps.quantiles_s({0.5, 0.99}), (std::vector<double>{0, 0}));
}

TEST(GapDistribution, KeepsEqualSingleGapsAsOne) {
  GapDistribution gaps;
  for (int i = 0; i < 1'000; ++i) gaps.add({7, 0, 1, 3});
  EXPECT_EQ(gaps.runs(), 1U);
  EXPECT_EQ(gaps.count(), 3'000);
}

// Against all gaps written out and numpy's definition; runs that rise, fall and stay.
TEST(GapDistribution, HasThePercentilesOfTheSingleGaps) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    const auto from = [&](std::int64_t low, std::int64_t high) {
      return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
    };
    std::vector<GapRun> runs;
    GapDistribution gaps;
    for (std::int64_t i = from(1, 30); i > 0; --i) {
      const std::int64_t count = from(1, 40);
      runs.push_back({from(5'000, 9'000), from(-100, 100), count, from(1, 5)});
      gaps.add(runs.back());
    }
    const std::vector<double> all = single_gaps(runs);
    ASSERT_EQ(gaps.count(), static_cast<std::int64_t>(all.size()));
    const std::vector<double> q{0, 0.1, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
    const std::vector<double> found = gaps.quantiles_s(q);
    for (std::size_t i = 0; i < q.size(); ++i)
      ASSERT_NEAR(found[i], quantile_of_sorted(all, q[i]), 1e-24)
          << "seed " << seed << " q " << q[i];
  }
}

}  // namespace
}  // namespace rigsim::analysis
