#include "workloads/portable_math.h"

#include <gtest/gtest.h>

#include <cmath>

namespace rigsim::workloads {
namespace {

TEST(PortableMath, AgreesWithTheLibraryToOneInTenToTheFifteenth) {
  for (double x = 1e-300; x < 1e300; x *= 1.37) {
    EXPECT_NEAR(portable_log(x), std::log(x), 1e-15 * std::fmax(1, std::fabs(std::log(x)))) << x;
  }
  for (double y = -690; y < 690; y += 0.173) {
    EXPECT_NEAR(portable_exp(y) / std::exp(y), 1, 2e-15) << y;
  }
}

TEST(PortableMath, IsExactWhereTheResultIs) {
  EXPECT_EQ(portable_log(1), 0);
  EXPECT_EQ(portable_exp(0), 1);
}

}  // namespace
}  // namespace rigsim::workloads
