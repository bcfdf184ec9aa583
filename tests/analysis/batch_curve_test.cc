#include "analysis/batch_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

namespace rigsim::analysis {
namespace {

/// Steps of a + c x batch.
std::vector<BatchPoint> linear_steps(double a, double c, const std::vector<double>& batches) {
  std::vector<BatchPoint> curve;
  for (const double batch : batches) curve.push_back({batch, batch / (a + c * batch)});
  return curve;
}

// Measured 100 -> 150, predicted 80 -> 132: 1.65 against 1.5.
TEST(ShapeError, ComparesWhatEachGainsOverItsOwnFirst) {
  EXPECT_NEAR(shape_error(132, 80, 150, 100), 0.10, 1e-12);
  EXPECT_DOUBLE_EQ(shape_error(50, 50, 70, 70), 0);
}

// 10 ms + 0.1 ms x batch: as much of either at 100. From 50 to 100 the rate grows by 1.5 (of 1.41
// for the square root), from 100 to 200 by 1.33.
TEST(Knee, IsTheBatchThatCostsAsMuchAsTheRestOfTheStep) {
  EXPECT_EQ(knee(linear_steps(10, 0.1, {25, 50, 100, 200, 400})), 2U);
}

TEST(Knee, LiesBeyondACurveThatStillGrows) {
  EXPECT_FALSE(knee(linear_steps(10, 0.1, {1, 16, 32, 64})));
  EXPECT_FALSE(knee(std::vector<BatchPoint>{{8, 100}}));
  EXPECT_FALSE(knee({}));
}

// Each doubling gains 1.3, 1.6, 1.5, 1.3, 1.1: below 1.41 for good from the fourth point on.
TEST(Knee, IsNotADipBeforeTheCurveGrowsAgain) {
  const std::vector<BatchPoint> curve{{1, 100}, {2, 130},    {4, 208},
                                      {8, 312}, {16, 405.6}, {32, 446.2}};
  EXPECT_EQ(knee(curve), 3U);
}

// The secant of a curve is its slope somewhere between its ends: the knee is at most one point away
// from a / c.
TEST(Knee, OfRandomStepsLiesBesideTheRatioOfTheirParts) {
  constexpr std::uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<double> logarithm(std::log(2.0), std::log(500.0));
  for (int i = 0; i < 1'000; ++i) {
    const double ridge = std::exp(logarithm(random));
    std::vector<double> batches{1};
    while (batches.back() < 2'000) batches.push_back(batches.back() * (1.2 + 0.01 * (i % 100)));
    const auto found = knee(linear_steps(ridge, 1, batches));
    ASSERT_TRUE(found) << "seed " << kSeed << ", ridge " << ridge;
    const double below = *found == 0 ? 0 : batches[*found - 1];
    ASSERT_LE(below, ridge) << "seed " << kSeed;
    ASSERT_GE(batches[*found + 1], ridge) << "seed " << kSeed;
  }
}

TEST(Knee, RefusesWhatIsNoCurve) {
  EXPECT_THROW((void)knee(std::vector<BatchPoint>{{8, 100}, {8, 120}}), std::invalid_argument);
  EXPECT_THROW((void)knee(std::vector<BatchPoint>{{8, 0}, {16, 120}}), std::invalid_argument);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW((void)knee(std::vector<BatchPoint>{{8, nan}}), std::invalid_argument);
}

TEST(KneeDistance, CountsStepsAndTakesBeyondForTheLastPoint) {
  EXPECT_EQ(knee_distance(2, 3, 6), 1U);
  EXPECT_EQ(knee_distance(4, 1, 6), 3U);
  EXPECT_EQ(knee_distance(std::nullopt, 4, 6), 1U);
  EXPECT_EQ(knee_distance(std::nullopt, std::nullopt, 6), 0U);
}

}  // namespace
}  // namespace rigsim::analysis
