#include <gtest/gtest.h>

#include "workloads/time_share.h"

namespace rigsim::workloads {
namespace {

TEST(EvidenceShare, IsAsGoodAsItsWeakestTenth) {
  EvidenceShare share;
  EXPECT_EQ(share.weakest_large(), Evidence::kMeasured);
  share.add(Evidence::kMeasured, 90);
  share.add(Evidence::kFitted, 9);  // 9 of 99
  EXPECT_EQ(share.weakest_large(), Evidence::kMeasured);
  share.add(Evidence::kFitted, 1);  // 10 of 100
  EXPECT_EQ(share.weakest_large(), Evidence::kFitted);
  share.add(Evidence::kDatasheet, 12);
  EXPECT_EQ(share.weakest_large(), Evidence::kDatasheet);
}

// 50 measured, and 4 x 2 fitted of 58 in all.
TEST(EvidenceShare, AddsRepeatedPasses) {
  EvidenceShare sum;
  sum.add(Evidence::kMeasured, 50);
  EvidenceShare pass;
  pass.add(Evidence::kFitted, 2);
  sum += pass;
  EXPECT_EQ(sum.weakest_large(), Evidence::kMeasured);
  sum += pass.scaled(3);
  EXPECT_EQ(sum.weakest_large(), Evidence::kFitted);
}

}  // namespace
}  // namespace rigsim::workloads
