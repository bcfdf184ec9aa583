#include "analysis/figure.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace rigsim::analysis {
namespace {

using workloads::Evidence;

TEST(Figure, ABandIsRelativeToTheValueAndNeverBelowZero) {
  const Figure figure = with_band(200, 0.1, Evidence::kFitted, "tokens/s");
  EXPECT_DOUBLE_EQ(figure.low, 180);
  EXPECT_DOUBLE_EQ(figure.high, 220);
  EXPECT_NEAR(figure.relative_half_width(), 0.1, 1e-15);
  EXPECT_TRUE(figure.holds(180));
  EXPECT_FALSE(figure.holds(220.5));
  EXPECT_EQ(with_band(10, 1.5, Evidence::kDatasheet, "").low, 0);
  EXPECT_EQ(with_band(0, 0.1, Evidence::kDatasheet, "").relative_half_width(), 0);
  EXPECT_THROW((void)with_band(1, -0.1, Evidence::kFitted, ""), std::invalid_argument);
  EXPECT_THROW((void)with_band(1, std::nan(""), Evidence::kFitted, ""), std::invalid_argument);
}

TEST(Figure, TheBandFollowsTheEvidence) {
  const workloads::ErrorBand band{.fitted = 0.05, .datasheet = 0.12, .measured = 0.03};
  EXPECT_EQ(half_width_of(band, Evidence::kMeasured), 0.03);
  EXPECT_EQ(half_width_of(band, Evidence::kFitted), 0.05);
  EXPECT_EQ(half_width_of(band, Evidence::kDatasheet), 0.12);
}

TEST(Figure, JsonHasValueBandAndEvidence) {
  EXPECT_EQ(figure_json({2, 1, 3, Evidence::kFitted, "s"}).dump(),
            R"({"value":2.0,"low":1.0,"high":3.0,"evidence":"fitted"})");
}

}  // namespace
}  // namespace rigsim::analysis
