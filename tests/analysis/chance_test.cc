#include "analysis/chance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace rigsim::analysis {
namespace {

// s = 1, t(0.975, 2) = 4.30265: 4.30265 / sqrt(3).
TEST(StudentHalfWidth, IsThatOfTheTables) {
  const std::vector<double> values{1, 2, 3};
  EXPECT_NEAR(student_half_width(values).value(), 2.48414, 1e-5);
  EXPECT_FALSE(student_half_width(std::vector<double>{1.0}));
}

// 50 values fall to the level, 450 lie about it: the cut is near the end of the fall.
TEST(Mser5, LeavesOutWhatFallsToTheLevel) {
  std::vector<double> values;
  for (int i = 0; i < 500; ++i) values.push_back((i < 50 ? 50 - i : 0) + 0.1 * (i % 3));
  const std::size_t cut = mser5(values);
  EXPECT_GE(cut, 40U);
  EXPECT_LE(cut, 60U);
  EXPECT_EQ(mser5(std::vector<double>(100, 2.0)), 0U);
  EXPECT_EQ(mser5({}), 0U);
}

// Of independent exponential values the interval holds the mean about 95 times in 100.
TEST(BatchMeans, CoverTheMeanOfIndependentValues) {
  std::mt19937_64 random(7);
  std::exponential_distribution<double> draw(1);
  int covered = 0;
  for (int run = 0; run < 200; ++run) {
    std::vector<double> values;
    double sum = 0;
    for (int i = 0; i < 2'000; ++i) {
      values.push_back(draw(random));
      sum += values.back();
    }
    covered += std::abs(sum / 2'000 - 1) <= batch_means(values).value().half_width ? 1 : 0;
  }
  EXPECT_GE(covered, 180);
  EXPECT_LE(covered, 199);
  EXPECT_FALSE(batch_means(std::vector<double>(199, 1.0)));
}

TEST(BatchMeans, ShowThatBatchesDependOnEachOther) {
  std::vector<double> slow;
  for (int i = 0; i < 2'000; ++i) slow.push_back(std::sin(i / 600.0));
  EXPECT_GT(batch_means(slow).value().lag1, 0.6);
}

TEST(ChanceOver, TakesMeansAndIntervalsOfEveryNumber) {
  std::vector<ServingMetrics> all(3);
  for (int i = 0; i < 3; ++i) {
    auto& m = all[static_cast<std::size_t>(i)];
    m.finished = 10 + i;
    m.ttft_s.count = 1;
    m.ttft_s.p99 = 1 + i;
    m.use.mfu = 0.1;
  }
  const ServingMetrics mean = mean_of(all);
  EXPECT_EQ(mean.finished, 11);
  EXPECT_DOUBLE_EQ(mean.ttft_s.p99, 2);
  const auto chance = chance_over(all);
  ASSERT_TRUE(chance);
  EXPECT_EQ(chance->replications, 3);
  EXPECT_NEAR(chance->half_width.ttft_s.p99, 2.48414, 1e-5);
  EXPECT_NEAR(chance->half_width.use.mfu, 0, 1e-12);
  EXPECT_FALSE(chance_over(std::span(all).first(1)));
}

}  // namespace
}  // namespace rigsim::analysis
