#include "topology/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/topology/devices.h"

namespace rigsim::topology {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

constexpr NodeId kGpu0{0};
constexpr NodeId kGpu1{1};
constexpr NodeId kGpu2{2};

TEST(RouteTable, GoesUpOneCableAndDownTheOther) {
  const RouteTable routes(rig_of(2, rtx_4090()));
  EXPECT_THAT(routes.route(kGpu0, kGpu1), ElementsAre(Hop{0, true}, Hop{1, false}));
  EXPECT_THAT(routes.route(kGpu1, kGpu0), ElementsAre(Hop{1, true}, Hop{0, false}));
  EXPECT_THAT(routes.route(kGpu0, kGpu0), IsEmpty());
}

// 1 MiB: bridge 7 us + 20.6 us, against two PCIe cables of 0.55 us + 39.6 us each.
TEST(RouteTable, TakesTheBridgeAlthoughPcieAnswersSooner) {
  const RouteTable routes(rig_of(2, a6000(), LinkChoice::kNvlink));
  EXPECT_THAT(routes.route(kGpu0, kGpu1), ElementsAre(Hop{2, true}));
}

TEST(RouteTable, PassesThroughSwitchesButNeverThroughADevice) {
  const RouteTable bridged(rig_of(4, a6000(), LinkChoice::kNvlink));
  EXPECT_THAT(bridged.route(kGpu0, kGpu2), ElementsAre(Hop{0, true}, Hop{2, false}));
  const RouteTable switched(rig_of(8, h100_sxm()));
  EXPECT_THAT(switched.route(kGpu0, kGpu2), ElementsAre(Hop{8, true}, Hop{10, false}));
}

TEST(RouteTable, BreaksTiesByHopsAndThenByTheLowerNode) {
  // gpu0 (0) and gpu1 (1) both hang on two switches (3, 4) by equal cables of another make than
  // PCIe.
  Rig rig = rig_of(2, rtx_4090());
  rig.nodes.push_back({NodeKind::kNvSwitch, "switch3", {}});
  rig.nodes.push_back({NodeKind::kNvSwitch, "switch4", {}});
  for (const std::uint32_t hub : {4u, 3u})
    for (const NodeId gpu : {kGpu0, kGpu1})
      rig.cables.push_back(
          {gpu, NodeId{hub}, "fabric", sim::Bandwidth(1e12), {}, CableKind::kNvlink});
  // Cables: 2, 3 to switch4; 4, 5 to switch3.
  EXPECT_THAT(RouteTable(rig).route(kGpu0, kGpu1), ElementsAre(Hop{4, true}, Hop{5, false}));
}

TEST(RouteTable, FindsTheNearestHost) {
  EXPECT_EQ(RouteTable(rig_of(2, rtx_4090())).nearest_host(kGpu1), NodeId{2});
  EXPECT_EQ(RouteTable(rig_of(1, m2_ultra())).nearest_host(kGpu0), std::nullopt);
}

TEST(RouteTable, SaysWhenThereIsNoWay) {
  Rig rig = rig_of(2, rtx_4090());
  rig.nodes.push_back({NodeKind::kPcieSwitch, "lonely", {}});
  const RouteTable routes(rig);
  EXPECT_FALSE(routes.connected(kGpu0, NodeId{3}));
  EXPECT_THAT([&] { (void)routes.route(kGpu0, NodeId{3}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no way from gpu0 to lonely")));
  EXPECT_THAT([&] { (void)routes.route(kGpu0, NodeId{9}); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("node 9 is unknown, the rig has 4")));
}

}  // namespace
}  // namespace rigsim::topology
