#include "topology/route.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/topology/cluster.h"
#include "topology/network.h"

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

/// What a copy passes, by the names of its links.
std::vector<std::string> way(const Rig& rig, std::uint32_t from, std::uint32_t to) {
  return RigNetwork(rig).route(from, to).via;
}

// Devices 0 and 1 are machine 0, devices 2 and 3 machine 1.
TEST(RouteTable, LeavesAMachineByTheNicBesideTheDevice) {
  const Rig rig = two_by_two_cluster(2, 2, 1);
  EXPECT_THAT(way(rig, 1, 2),
              ElementsAre("m0.gpu1>m0.switch1 pcie5x16", "m0.switch1>m0.nic1 pcie5x16",
                          "m0.nic1>leaf0 network", "leaf0>m1.nic0 network",
                          "m1.nic0>m1.switch0 pcie5x16", "m1.switch0>m1.gpu0 pcie5x16"));
}

TEST(RouteTable, StaysInsideItsMachine) {
  const Rig rig = two_by_two_cluster(2, 2, 1);
  const RouteTable routes(rig);
  for (const Hop& hop : routes.route(RigNetwork(rig).node(0), RigNetwork(rig).node(1)))
    EXPECT_EQ(rig.cables[hop.cable].kind, CableKind::kPcie);
}

// Machines 0 and 1 on leaf 0, 2 and 3 on leaf 1, two spines: eight NICs, numbered by machine. Of
// the flows to NICs 4, 5, 6 and 7 every other takes spine 0.
TEST(RouteTable, SpreadsEquallyCheapWaysByDestination) {
  const Rig rig = two_by_two_cluster(4, 2, 2);
  for (std::uint32_t to = 4; to < 8; ++to)
    EXPECT_THAT(way(rig, 0, to), ::testing::Contains(to % 2 == 0 ? "leaf0>spine0 network-up"
                                                                 : "leaf0>spine1 network-up"));
}

// Two NICs at the root of one host are equally far from both GPUs.
TEST(RouteTable, GivesEachDeviceTheNicOfItsRankWhereAllAreEquallyNear) {
  Rig rig = two_by_two_cluster(2, 2, 1);
  for (Cable& cable : rig.cables)
    if (rig.nodes[static_cast<std::size_t>(cable.a)].kind == NodeKind::kNic &&
        cable.kind == CableKind::kPcie)
      cable.b = NodeId{rig.nodes[static_cast<std::size_t>(cable.a)].machine == 0 ? 2u : 9u};
  ASSERT_EQ(rig.nodes[2].kind, NodeKind::kHost);
  ASSERT_EQ(rig.nodes[9].kind, NodeKind::kHost);
  EXPECT_THAT(way(rig, 0, 2), ::testing::Contains("m0.nic0>leaf0 network"));
  EXPECT_THAT(way(rig, 1, 3), ::testing::Contains("m0.nic1>leaf0 network"));
}

TEST(RouteTable, KnowsBackToBackMachines) {
  Rig rig = two_by_two_cluster(2, 2, 1);
  std::erase_if(rig.cables, [](const Cable& cable) { return cable.kind == CableKind::kNetwork; });
  const RigNetwork network(rig);
  EXPECT_FALSE(RouteTable(rig).connected(network.node(0), network.node(2)));
  rig.cables.push_back(
      {NodeId{5}, NodeId{12}, "network", sim::Bandwidth(50e9), {}, CableKind::kNetwork});
  ASSERT_EQ(rig.nodes[5].name, "m0.nic0");
  ASSERT_EQ(rig.nodes[12].name, "m1.nic0");
  EXPECT_THAT(way(rig, 0, 2), ::testing::Contains("m0.nic0>m1.nic0 network"));
}

// The table of one machine is shared by all: of 2,000 devices a pair at the far ends is found.
TEST(RouteTable, OfAThousandMachinesFindsWaysWithoutATableOfAllPairs) {
  const Rig rig = two_by_two_cluster(1000, 20, 4);
  EXPECT_THAT(way(rig, 0, 1999), ::testing::SizeIs(8));
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
