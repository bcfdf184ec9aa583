#include "workloads/serving/ticks.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

using sim::Duration;

// 65,536 ticks to a picosecond.
TEST(Ticks, AreA65536thOfAPicosecond) {
  EXPECT_TRUE(to_ticks(Duration(1)) == 65'536);
  EXPECT_TRUE(to_ticks(sim::Time(Duration(3))) == 3 * 65'536);
}

TEST(Ticks, RoundToTheNearestPicosecondAndHalvesUp) {
  EXPECT_EQ(to_duration(65'536), Duration(1));
  EXPECT_EQ(to_duration(32'767), Duration(0));
  EXPECT_EQ(to_duration(32'768), Duration(1));
  EXPECT_EQ(to_duration(3 * 65'536 + 32'767), Duration(3));
  EXPECT_EQ(to_time(2 * 65'536 + 32'768), sim::Time(Duration(3)));
}

TEST(Ticks, OfSecondsAreRoundedButNeverToNothing) {
  EXPECT_TRUE(ticks_of_seconds(0) == 0);
  EXPECT_TRUE(ticks_of_seconds(1e-12) == 65'536);
  EXPECT_TRUE(ticks_of_seconds(1e-30) == 1);
  EXPECT_TRUE(ticks_of_seconds(1) == Ticks{1'000'000'000'000} * 65'536);
  EXPECT_DOUBLE_EQ(to_seconds(ticks_of_seconds(0.25)), 0.25);
}

TEST(Ticks, RefuseWhatIsNoDuration) {
  EXPECT_THROW(static_cast<void>(ticks_of_seconds(-1e-9)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(ticks_of_seconds(std::numeric_limits<double>::quiet_NaN())),
               std::out_of_range);
  EXPECT_THROW(static_cast<void>(ticks_of_seconds(1e7)), std::out_of_range);
}

// 5 + 8 + 11 + 14 = 38.
TEST(Ticks, SeriesIsTheSumOfItsTerms) {
  EXPECT_TRUE(series(5, 3, 4) == 38);
  EXPECT_TRUE(series(5, 3, 0) == 0);
  EXPECT_TRUE(series(7, 0, 1'000) == 7'000);
  EXPECT_TRUE(series(14, -3, 4) == 38);
}

// A million steps of 100 s and more do not fit 64 bits of ticks: 6.5e24.
TEST(Ticks, SeriesIsExactBeyond64Bits) {
  const Ticks first = ticks_of_seconds(100);
  EXPECT_TRUE(series(first, 1, 1'000'000) == first * 1'000'000 + Ticks{1'000'000} * 999'999 / 2);
}

// Sums of 5, 8, 11, 14: 5, 13, 24, 38.
TEST(Ticks, TermsBelowStopsInFrontOfTheLimit) {
  EXPECT_EQ(terms_below(5, 3, 5, 4), 0);
  EXPECT_EQ(terms_below(5, 3, 6, 4), 1);
  EXPECT_EQ(terms_below(5, 3, 24, 4), 2);
  EXPECT_EQ(terms_below(5, 3, 25, 4), 3);
  EXPECT_EQ(terms_below(5, 3, 38, 4), 3);
  EXPECT_EQ(terms_below(5, 3, 39, 4), 4);
  EXPECT_EQ(terms_below(5, 3, 1'000'000, 4), 4);
  EXPECT_EQ(terms_below(5, 3, 1'000'000, 0), 0);
}

}  // namespace
}  // namespace rigsim::workloads
