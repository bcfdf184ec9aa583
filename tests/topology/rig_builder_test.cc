#include "topology/rig_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/topology/devices.h"

namespace rigsim::topology {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::size_t cables_of(const Rig& rig, std::string_view type) {
  return static_cast<std::size_t>(
      std::count_if(rig.cables.begin(), rig.cables.end(),
                    [&](const Cable& cable) { return cable.type == type; }));
}

bool may_copy(const Rig& rig, std::uint32_t from, std::uint32_t to) {
  return std::any_of(rig.peer_access.begin(), rig.peer_access.end(),
                     [&](const PeerAccess& peer) { return peer.from == from && peer.to == to; });
}

TEST(BuildRig, HangsEachCardOnTheHostByItsOwnLink) {
  const Rig rig = rig_of(2, rtx_4090());
  ASSERT_EQ(rig.nodes.size(), 3u);
  EXPECT_EQ(rig.nodes[0].name, "gpu0");
  EXPECT_EQ(rig.nodes[1].name, "gpu1");
  EXPECT_EQ(rig.nodes[2].kind, NodeKind::kHost);
  EXPECT_EQ(cables_of(rig, "pcie4x16"), 2u);
  EXPECT_EQ(rig.cables.size(), 2u);
}

TEST(BuildRig, GivesGeForceNoPeerAccessAndWorkstationCardsAllOfIt) {
  EXPECT_TRUE(rig_of(4, rtx_4090()).peer_access.empty());
  EXPECT_EQ(rig_of(4, a6000()).peer_access.size(), 12u);  // 4 x 3 ordered pairs
}

TEST(BuildRig, BridgesPairsOnlyWhenAsked) {
  EXPECT_EQ(cables_of(rig_of(4, rtx_3090()), "nvlink3x4"), 0u);
  const Rig bridged = rig_of(4, rtx_3090(), LinkChoice::kNvlink);
  EXPECT_EQ(cables_of(bridged, "nvlink3x4"), 2u);
  EXPECT_TRUE(may_copy(bridged, 0, 1));
  EXPECT_TRUE(may_copy(bridged, 3, 2));
  EXPECT_FALSE(may_copy(bridged, 1, 2));
  EXPECT_EQ(bridged.peer_access.size(), 4u);
}

TEST(BuildRig, LeavesAnOddCardUnbridged) {
  const Rig rig = rig_of(3, rtx_3090(), LinkChoice::kNvlink);
  EXPECT_EQ(cables_of(rig, "nvlink3x4"), 1u);
  EXPECT_EQ(rig.peer_access.size(), 2u);
}

TEST(BuildRig, JoinsSxmBoardsByOneNvSwitch) {
  const Rig rig = rig_of(8, h100_sxm());
  EXPECT_EQ(cables_of(rig, "nvlink4x18"), 8u);
  EXPECT_EQ(rig.nodes.back().kind, NodeKind::kNvSwitch);
  EXPECT_EQ(rig.peer_access.size(), 56u);
}

TEST(BuildRig, GivesASingleSxmBoardNoSwitch) { EXPECT_EQ(rig_of(1, h100_sxm()).cables.size(), 1u); }

TEST(BuildRig, LeavesTheNvSwitchAwayWhenOnlyPcieIsWanted) {
  const Rig rig = rig_of(8, h100_sxm(), LinkChoice::kPcie);
  EXPECT_EQ(rig.cables.size(), 8u);
  EXPECT_EQ(cables_of(rig, "pcie5x16"), 8u);
}

// Of a DGX-1's 16 joined pairs eight have two links; a board of four has two between any two.
TEST(BuildRig, JoinsV100sByTheirOwnLinks) {
  const Rig rig = rig_of(8, v100());
  EXPECT_EQ(cables_of(rig, "nvlink2x2"), 8u);
  EXPECT_EQ(cables_of(rig, "nvlink2x1"), 8u);
  EXPECT_EQ(cables_of(rig_of(4, v100()), "nvlink2x2"), 6u);
  EXPECT_EQ(cables_of(rig_of(4, v100(), LinkChoice::kPcie), "nvlink2x2"), 0u);
  for (std::uint32_t device = 0; device < 8; ++device) {  // six links of 25 GB/s at 0.857
    double sum = 0;
    for (const Cable& cable : rig.cables)
      if (cable.kind == CableKind::kNvlink &&
          (cable.a == NodeId{device} || cable.b == NodeId{device}))
        sum += cable.per_direction.count();
    EXPECT_NEAR(sum, 150e9 * 0.857, 1);
  }
}

TEST(BuildRig, JoinsEachXgmiPairDirectly) {
  const Rig rig = rig_of(8, mi300x());
  EXPECT_EQ(cables_of(rig, "xgmix1"), 28u);  // 8 x 7 / 2
  EXPECT_EQ(rig.peer_access.size(), 56u);
}

TEST(BuildRig, GivesMacsAndProcessorsNoCables) {
  EXPECT_TRUE(rig_of(1, m2_ultra()).cables.empty());
  const Rig cpu = rig_of(1, ryzen());
  EXPECT_TRUE(cpu.cables.empty());
  EXPECT_EQ(cpu.nodes[0].name, "cpu0");
}

TEST(BuildRig, KeepsNamesPowerLimitsAndTheHost) {
  RigRequest request{"mine",
                     {{rtx_3090(), "left", sim::Watts(230)}, {rtx_4090(), "", {}}},
                     LinkChoice::kDefault,
                     {}};
  request.host.cores = 16;
  const Rig rig = build_rig(request);
  EXPECT_EQ(rig.devices[0].name, "left");
  EXPECT_EQ(rig.devices[1].name, "gpu1");
  EXPECT_EQ(rig.devices[0].power_limit, sim::Watts(230));
  EXPECT_EQ(rig.host.cores, 16);
}

TEST(BuildRig, RefusesWhatCannotBeWiredAndSaysWhy) {
  EXPECT_THAT([] { rig_of(2, rtx_4090(), LinkChoice::kNvlink); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("rtx-4090 has no NVLink")));
  EXPECT_THAT([] { rig_of(8, mi300x(), LinkChoice::kNvlink); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("joined by xGMI")));
  EXPECT_THAT([] { rig_of(1, rtx_3090(), LinkChoice::kNvlink); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("at least two devices, got 1")));
  EXPECT_THAT([] { rig_of(2, m2_ultra()); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("not a PCIe device")));
  EXPECT_THAT([] { rig_of(12, h100_sxm()); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("a board joins at most 8 of h100-sxm by NVSwitch, got 12")));
  EXPECT_THAT([] { rig_of(0, rtx_4090()); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("needs a device")));
  EXPECT_THAT(
      [] {
        (void)build_rig(
            {"mixed", {{rtx_3090(), "", {}}, {a6000(), "", {}}}, LinkChoice::kNvlink, {}});
      },
      ThrowsMessage<std::invalid_argument>(HasSubstr("rtx-3090 beside rtx-a6000")));
}

}  // namespace
}  // namespace rigsim::topology
