#include "topology/rig_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/topology/devices.h"
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

TEST(RigChange, StagedCopiesFollowTheSlot) {
  const Rig narrow = with_pcie(rig_of(2, rtx_4090()), {}, 4);
  EXPECT_LT(RigNetwork(narrow).route(0, 1).uncontended.count(), 6.625e9);
}

TEST(RigChange, ABridgeJoinsNeighbours) {
  const Rig rig = with_nvlink_bridges(rig_of(4, rtx_4090()));
  validate(rig);
  const RigNetwork network(rig);
  EXPECT_FALSE(network.route(2, 3).staged);
  EXPECT_NEAR(network.route(2, 3).uncontended.count(), 51e9, 0.1e9);
  EXPECT_TRUE(network.route(1, 2).staged);
}

TEST(RigChange, SaysWhereThereIsNothingToChange) {
  EXPECT_THAT([] { (void)with_pcie_peer_access(rig_of(1, rtx_4090()), true); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("two devices")));
  EXPECT_THAT([] { (void)with_pcie(rig_of(2, rtx_4090()), 4, 16); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no PCIe link would change")));
  EXPECT_THAT([] { (void)with_pcie(rig_of(2, rtx_4090()), 9, {}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("1 to 6")));
  EXPECT_THAT([] { (void)with_nvlink_bridges(rig_of(8, h100_sxm())); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no pair of neighbours")));
}

}  // namespace
}  // namespace rigsim::topology
