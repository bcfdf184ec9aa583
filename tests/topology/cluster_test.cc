#include "topology/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "tests/topology/devices.h"
#include "topology/network.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace std::chrono_literals;
using namespace testing;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::size_t count(const Rig& rig, NodeKind kind) {
  return static_cast<std::size_t>(std::ranges::count(rig.nodes, kind, &Node::kind));
}

const Cable& cable_between(const Rig& rig, std::string_view a, std::string_view b) {
  const auto name = [&](NodeId id) { return rig.nodes[static_cast<std::size_t>(id)].name; };
  return *std::ranges::find_if(rig.cables,
                               [&](const Cable& c) { return name(c.a) == a && name(c.b) == b; });
}

TEST(BuildCluster, GivesEachDeviceANicBesideIt) {
  const Rig rig = build_cluster(rig_of(8, h100_sxm()), 2);
  EXPECT_EQ(rig.devices.size(), 16u);
  EXPECT_EQ(rig.devices[9].name, "m1.gpu1");
  EXPECT_EQ(count(rig, NodeKind::kNic), 16u);
  EXPECT_EQ(count(rig, NodeKind::kHost), 2u);
  EXPECT_EQ(count(rig, NodeKind::kNvSwitch), 2u);
  EXPECT_EQ(count(rig, NodeKind::kNetworkSwitch), 1u);  // 16 NICs fit on one switch of 64 ports
  EXPECT_EQ(rig.peer_access.size(), 2 * 56u);
  EXPECT_THAT(RigNetwork(rig).route(1, 9).via,
              ElementsAre("m0.gpu1>m0.host0 pcie5x16", "m0.host0>m0.nic1 pcie5x16",
                          "m0.nic1>leaf0 network400g", "leaf0>m1.nic1 network400g",
                          "m1.nic1>m1.host0 pcie5x16", "m1.host0>m1.gpu1 pcie5x16"));
}

// 400 Gbit/s = 50 GB/s, of which 94 % arrive. From GPU to GPU: four PCIe cables of 270 ns and the
// 1.62 us from NIC to NIC, 2.7 us in all (NCCL's hop over the network).
TEST(BuildCluster, CopiesBetweenMachinesAtTheNicsRate) {
  const CopyPath path = RigNetwork(build_cluster(rig_of(8, h100_sxm()), 2)).route(0, 8);
  EXPECT_EQ(path.uncontended, 47_GBps);
  EXPECT_EQ(path.fixed_cost, 2700ns);
  EXPECT_FALSE(path.staged);
}

TEST(BuildCluster, TakesASlowerNicForOlderPcie) {
  const Rig rig = build_cluster(rig_of(8, a100_sxm()), 2);
  EXPECT_EQ(cable_between(rig, "m0.nic0", "leaf0").type, "network200g");
}

// Switches of 8 ports: 4 down and 4 up. 6 machines of 4 NICs = 24 NICs = 6 leaves below one spine.
TEST(BuildCluster, NeedsASpineWhenOneSwitchHasTooFewPorts) {
  const Rig rig = build_cluster(rig_of(4, h100_pcie()), 6, {.radix = 8});
  EXPECT_EQ(count(rig, NodeKind::kNetworkSwitch), 7u);
  const Cable& up = cable_between(rig, "leaf0", "spine0");
  EXPECT_EQ(up.type, "network400gx4");
  EXPECT_EQ(up.per_direction, 4 * 47_GBps);
}

// Oversubscribed 3 to 1, 8 ports are 6 down and 2 up.
TEST(BuildCluster, OversubscribesItsLeavesAsStated) {
  const Rig rig = build_cluster(rig_of(4, h100_pcie()), 6, {.radix = 8, .oversubscription = 3});
  EXPECT_EQ(count(rig, NodeKind::kNetworkSwitch), 5u);  // 24 NICs on 4 leaves
  EXPECT_EQ(cable_between(rig, "leaf0", "spine0").per_direction, 2 * 47_GBps);
}

// Radix 8: 4 NICs a leaf, 4 leaves a pod. 40 NICs = 10 leaves = 3 pods below a core.
TEST(BuildCluster, NeedsPodsWhenTheSpineHasTooFewPorts) {
  const Rig rig = build_cluster(rig_of(4, h100_pcie()), 10, {.radix = 8});
  EXPECT_EQ(count(rig, NodeKind::kNetworkSwitch), 10u + 3u + 1u);
  EXPECT_EQ(cable_between(rig, "pod0", "core0").per_direction, 16 * 47_GBps);
  EXPECT_THAT(RigNetwork(rig).route(0, 39).via, Contains("pod0>core0 network400gx16"));
}

// Two machines of 4 on switches of 6 ports, 3 down: three machines share the leaves of the 4 rails.
TEST(BuildCluster, PutsTheNicsOfARankOnOneLeafWhenRailOptimized) {
  const Rig rig =
      build_cluster(rig_of(4, h100_pcie()), 2, {.shape = NetworkShape::kRailOptimized, .radix = 6});
  const RigNetwork network(rig);
  EXPECT_THAT(network.route(0, 4).via, Contains("leaf0>m1.nic0 network400g"));
  EXPECT_THAT(network.route(3, 7).via, Contains("leaf3>m1.nic3 network400g"));
  // From device 0 to device 1 over device 1's rail: cheaper than over the spine.
  EXPECT_THAT(network.route(0, 5).via, Contains("m0.nic1>leaf1 network400g"));
}

TEST(BuildCluster, SharesFewerNics) {
  const Rig rig = build_cluster(rig_of(8, h100_sxm()), 2, {.nics = 2, .latency = 2us});
  EXPECT_EQ(count(rig, NodeKind::kNic), 4u);
  EXPECT_EQ(cable_between(rig, "m0.nic0", "leaf0").latency, 1us);
  EXPECT_THAT(RigNetwork(rig).route(3, 8).via, Contains("m0.host0>m0.nic1 pcie5x16"));
}

TEST(BuildCluster, RefusesWhatCannotBeJoined) {
  const Rig machine = rig_of(2, h100_pcie());
  const auto refusal = [&](std::uint32_t machines, const NetworkPlan& plan, const char* text) {
    EXPECT_THAT([&] { (void)build_cluster(machine, machines, plan); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  refusal(0, {}, "a cluster needs a machine");
  refusal(2, {.nics = 3}, "takes 1 to 2 NICs, got 3");
  refusal(2, {.nic = sim::Bandwidth(0)}, "a NIC's rate must be > 0");
  refusal(2, {.latency = -1us}, "latency must be >= 0, got -1 us");
  refusal(2, {.radix = 1}, "at least 2 ports, got 1");
  refusal(2, {.oversubscription = 0.5}, "oversubscription must be from 1 to 63, got 0.5");
  refusal(40, {.radix = 4}, "three levels of switches with 4 ports join 8");
  EXPECT_THAT([] { (void)build_cluster(rig_of(1, m2_ultra()), 2); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("gpu0 has no PCIe")));
  EXPECT_THAT([&] { (void)build_cluster(build_cluster(machine, 2), 2); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("part of a network already")));
}

// 4,096 machines of 8: tables of one machine and of 1,057 switches, not of 32,768 squared.
TEST(BuildCluster, Of32768DevicesHasRoutes) {
  const RigNetwork network(build_cluster(rig_of(8, h100_sxm()), 4096));
  EXPECT_EQ(network.route(0, 32767).links.size(), 10u);
  EXPECT_EQ(network.route(0, 32767).uncontended, 47_GBps);
}

}  // namespace
}  // namespace rigsim::topology
