#include "analysis/error_statistics.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace rigsim::analysis {
namespace {

// numpy.quantile([4, 1, 3, 2], q): position q * 3 in 1 2 3 4.
TEST(Quantile, InterpolatesLinearlyBetweenOrderStatistics) {
  const std::array values = {4.0, 1.0, 3.0, 2.0};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 4);
}

TEST(Quantile, OfOneValueIsThatValue) {
  const std::array one = {7.0};
  EXPECT_DOUBLE_EQ(quantile(one, 0.9), 7);
}

TEST(Quantile, RefusesNoValuesNoNumbersAndSharesOutsideZeroToOne) {
  const std::array values = {1.0, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THROW((void)quantile({}, 0.5), std::invalid_argument);
  EXPECT_THROW((void)quantile(values, 0.5), std::invalid_argument);
  EXPECT_THROW((void)quantile(std::span(values).first(1), 1.1), std::invalid_argument);
  EXPECT_THROW((void)quantile(std::span(values).first(1), std::nan("")), std::invalid_argument);
}

// |errors| 0.01 0.02 0.03 0.04 0.10: median 0.03, p90 at position 3.6 = 0.04 + 0.6 x 0.06 = 0.076.
// Signed -0.10 -0.02 0.01 0.03 0.04: median 0.01.
TEST(ErrorStatistics, AreThoseOfTheHandCalculation) {
  const std::array<ErrorSample, 5> samples = {{{0.04, true, 0.05},
                                               {-0.02, true, 0.05},
                                               {0.01, true, 0.1},
                                               {-0.10, false, 0.05},
                                               {0.03, true, 0.2}}};
  const ErrorStatistics s = summarise(samples);
  EXPECT_EQ(s.count, 5);
  EXPECT_DOUBLE_EQ(s.median, 0.03);
  EXPECT_DOUBLE_EQ(s.p90, 0.076);
  EXPECT_DOUBLE_EQ(s.worst, 0.10);
  EXPECT_DOUBLE_EQ(s.bias, 0.01);
  EXPECT_DOUBLE_EQ(s.band_coverage, 0.8);
  EXPECT_DOUBLE_EQ(s.median_half_width, 0.05);
  EXPECT_THROW((void)summarise({}), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::analysis
