#include "topology/rig_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

#include "tests/topology/devices.h"
#include "topology/cluster.h"
#include "topology/network.h"
#include "topology/rig_check.h"

namespace rigsim::topology {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(RigChange, PeerAccessTurnsStagedCopiesIntoDirectOnes) {
  const Rig stock = rig_of(2, rtx_4090());
  EXPECT_TRUE(RigNetwork(stock).route(0, 1).staged);
  const Rig open = with_pcie_peer_access(stock, true);
  EXPECT_FALSE(RigNetwork(open).route(0, 1).staged);
  EXPECT_TRUE(RigNetwork(with_pcie_peer_access(open, false)).route(1, 0).staged);
}

TEST(RigChange, WithoutPeerAccessBridgesStillCopyDirectly) {
  const Rig rig = with_pcie_peer_access(rig_of(4, a6000(), LinkChoice::kNvlink), false);
  EXPECT_FALSE(RigNetwork(rig).route(0, 1).staged);
  EXPECT_TRUE(RigNetwork(rig).route(1, 2).staged);
}

// The driver permits copies wherever NVLink joins two devices, by a cable or through switches.
TEST(RigChange, JoinedDevicesMayCopy) {
  Rig bridged = rig_of(4, rtx_3090(), LinkChoice::kNvlink);
  bridged.peer_access.clear();
  EXPECT_TRUE(RigNetwork(bridged).route(0, 1).staged);
  bridged = with_joined_peer_access(bridged);
  EXPECT_FALSE(RigNetwork(bridged).route(1, 0).staged);
  EXPECT_TRUE(RigNetwork(bridged).route(1, 2).staged);
  EXPECT_EQ(with_joined_peer_access(bridged).peer_access.size(), 4U);
  Rig board = rig_of(3, a100_sxm());
  board.peer_access = {{0, 1}};
  EXPECT_EQ(with_joined_peer_access(board).peer_access.size(), 6U);
}

// PCIe 4 x16 carries 26.5 GB/s: x8 half of it; PCIe 5 x16 54 GB/s.
TEST(RigChange, PcieCarriesWhatItsGenerationAndLanesDo) {
  const Rig rig = with_pcie_peer_access(rig_of(2, rtx_4090()), true);
  EXPECT_DOUBLE_EQ(RigNetwork(rig).route(0, 1).uncontended.count(), 26.5e9);
  EXPECT_DOUBLE_EQ(RigNetwork(with_pcie(rig, {}, 8)).route(0, 1).uncontended.count(), 13.25e9);
  EXPECT_DOUBLE_EQ(RigNetwork(with_pcie(rig, 5, {})).route(0, 1).uncontended.count(), 54e9);
}

// A riser that carries 5 GB/s at x16 carries half of it at x8, and 54 / 26.5 of it as PCIe 5.
TEST(RigChange, ACablesOwnBandwidthAndLatencyChangeInProportion) {
  Rig rig = with_pcie_peer_access(rig_of(2, rtx_4090()), true);
  for (Cable& cable : rig.cables) {
    cable.per_direction = sim::Bandwidth(5e9);
    cable.latency = std::chrono::nanoseconds(1100);
  }
  const Cable half = with_pcie(rig, {}, 8).cables[0];
  EXPECT_DOUBLE_EQ(half.per_direction.count(), 2.5e9);
  EXPECT_EQ(half.latency, std::chrono::nanoseconds(1100));
  const Cable newer = with_pcie(rig, 5, {}).cables[0];
  EXPECT_DOUBLE_EQ(newer.per_direction.count(), 5e9 * 54 / 26.5);
  EXPECT_EQ(newer.latency, std::chrono::nanoseconds(540));  // 270 / 550 of it
}

TEST(RigChange, StagedCopiesFollowTheSlot) {
  const Rig narrow = with_pcie(rig_of(2, rtx_4090()), {}, 4);
  EXPECT_LT(RigNetwork(narrow).route(0, 1).uncontended.count(), 6.625e9);
}

// 12 us on PCIe 4 and 16.5 on PCIe 5 were measured on different hosts.
TEST(RigChange, StagedCopiesKeepTheFixedCostOfTheirHost) {
  const Rig rig = rig_of(2, rtx_4090());
  const CopyPath before = RigNetwork(rig).route(0, 1);
  const CopyPath newer = RigNetwork(with_pcie(rig, 5, {})).route(0, 1);
  EXPECT_EQ(newer.fixed_cost, before.fixed_cost);
  EXPECT_GT(newer.uncontended, before.uncontended);
}

TEST(RigChange, ABridgeJoinsNeighbours) {
  const Rig rig = with_nvlink_bridges(rig_of(4, rtx_4090()));
  validate(rig);
  const RigNetwork network(rig);
  EXPECT_FALSE(network.route(2, 3).staged);
  EXPECT_NEAR(network.route(2, 3).uncontended.count(), 51e9, 0.1e9);
  EXPECT_TRUE(network.route(1, 2).staged);
}

// Of two machines with three each, 0-1 and 3-4 are neighbours; 2 and 3 stand in different machines.
TEST(RigChange, BridgesJoinNeighboursOfOneMachine) {
  const Rig rig = with_nvlink_bridges(build_cluster(rig_of(3, rtx_3090()), 2));
  validate(rig);
  const RigNetwork network(rig);
  EXPECT_NEAR(network.route(0, 1).uncontended.count(), 51e9, 0.1e9);
  EXPECT_NEAR(network.route(3, 4).uncontended.count(), 51e9, 0.1e9);
  EXPECT_LT(network.route(2, 3).uncontended.count(), 51e9);
}

TEST(RigChange, SaysWhereThereIsNothingToChange) {
  EXPECT_THAT([] { (void)with_pcie_peer_access(rig_of(1, rtx_4090()), true); },
              ThrowsMessage<NothingToChange>(HasSubstr("two devices")));
  EXPECT_THAT([] { (void)with_pcie(rig_of(2, rtx_4090()), 4, 16); },
              ThrowsMessage<NothingToChange>(HasSubstr("no PCIe link would change")));
  EXPECT_THAT([] { (void)with_pcie(rig_of(2, rtx_4090()), 9, {}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("1 to 6")));
  EXPECT_THAT([] { (void)with_nvlink_bridges(rig_of(8, h100_sxm())); },
              ThrowsMessage<NothingToChange>(HasSubstr("no pair of neighbours")));
}

}  // namespace
}  // namespace rigsim::topology
