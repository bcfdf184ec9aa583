#include "topology/collective.h"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>
#include <string_view>

namespace rigsim::topology {
namespace {

// nccl-tests doc/PERFORMANCE.md, 8 ranks: 2 x 7/8 = 1.75; 7/8; 1.
TEST(Collective, BusFactorsAreThoseOfNcclTests) {
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveKind::kAllReduce, 8), 1.75);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveKind::kReduceScatter, 8), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveKind::kAllGather, 8), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveKind::kAllToAll, 8), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveKind::kBroadcast, 8), 1);
  EXPECT_DOUBLE_EQ(bus_factor(CollectiveKind::kSendRecv, 8), 1);
}

TEST(Collective, AloneNothingCrossesABus) {
  EXPECT_EQ(bus_factor(CollectiveKind::kAllReduce, 1), 0);
  EXPECT_THROW((void)bus_factor(CollectiveKind::kAllReduce, 0), std::invalid_argument);
}

TEST(Collective, EveryNameIsItsOwn) {
  std::set<std::string_view> names;
  for (const auto kind : kCollectiveKinds) names.insert(to_string(kind));
  for (const auto algorithm : kAlgorithms) names.insert(to_string(algorithm));
  for (const auto protocol : kProtocols) names.insert(to_string(protocol));
  for (const auto mode : kLaunchModes) names.insert(to_string(mode));
  EXPECT_EQ(names.size(), 6u + 9u + 4u + 2u);
  EXPECT_EQ(to_string(CollectiveKind::kAllReduce), "all_reduce");
  EXPECT_EQ(to_string(Algorithm::kHalvingDoubling), "halving_doubling");
}

}  // namespace
}  // namespace rigsim::topology
