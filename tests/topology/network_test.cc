#include "topology/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "sim/executor.h"
#include "tests/topology/cluster.h"
#include "topology/copy_routes.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

CopyPath first_pair(const Device& device, LinkChoice link = LinkChoice::kDefault) {
  return RigNetwork(rig_of(2, device, link)).route(0, 1);
}

TEST(RigNetwork, StagesGeForceCopiesThroughTheHost) {
  const CopyPath path = first_pair(rtx_4090());
  EXPECT_TRUE(path.staged);
  EXPECT_THAT(path.via, ElementsAre("gpu0>host0 pcie4x16", "host0>gpu1 pcie4x16", "gpu0 staging",
                                    "gpu1 staging"));
  EXPECT_EQ(path.fixed_cost, 12us);
  EXPECT_EQ(path.uncontended, 22_GBps);
}

TEST(RigNetwork, CopiesDirectlyWherePeerAccessIsGiven) {
  const CopyPath pcie = first_pair(a6000());
  EXPECT_FALSE(pcie.staged);
  EXPECT_THAT(pcie.via, ElementsAre("gpu0>host0 pcie4x16", "host0>gpu1 pcie4x16"));
  EXPECT_EQ(pcie.fixed_cost, 1100ns);  // 2 x 550 ns
  EXPECT_THAT(first_pair(rtx_3090(), LinkChoice::kNvlink).via, ElementsAre("gpu0>gpu1 nvlink3x4"));
  EXPECT_THAT(first_pair(h100_sxm()).via,
              ElementsAre("gpu0>nvswitch0 nvlink4x18", "nvswitch0>gpu1 nvlink4x18"));
  EXPECT_THAT(first_pair(mi300x()).via, ElementsAre("gpu0>gpu1 xgmix1"));
}

TEST(RigNetwork, StagesBetweenBridgedPairsOfGeForce) {
  const RigNetwork network(rig_of(4, rtx_3090(), LinkChoice::kNvlink));
  EXPECT_FALSE(network.route(2, 3).staged);
  EXPECT_TRUE(network.route(1, 2).staged);
}

TEST(RigNetwork, OfMixedCardsStagesAtTheSlowerOne) {
  Device narrow = rtx_4090();
  narrow.name = "narrow";
  narrow.pcie_lanes = 4;
  const RigNetwork network(
      build_rig({"mixed", {{rtx_pro_6000(), "", {}}, {narrow, "", {}}}, {}, {}}));
  const CopyPath& path = network.route(0, 1);
  EXPECT_TRUE(path.staged);
  EXPECT_NEAR(path.uncontended.count(), 6.36e9, 1);  // 26.5 / 4 x 0.96
  EXPECT_EQ(path.fixed_cost, 16500ns);
}

TEST(RigNetwork, FollowsACableThatSomebodyMadeSlower) {
  Rig rig = rig_of(2, rtx_4090());
  rig.cables[1].per_direction = 3_GBps;
  EXPECT_EQ(RigNetwork(rig).route(0, 1).uncontended, 3_GBps);
}

TEST(RigNetwork, KnowsTheWaysBetweenHostAndDevice) {
  const RigNetwork network(rig_of(2, rtx_4090()));
  EXPECT_THAT(network.host_to_device(1).via, ElementsAre("host0>gpu1 pcie4x16"));
  EXPECT_THAT(network.device_to_host(1).via, ElementsAre("gpu1>host0 pcie4x16"));
  EXPECT_EQ(network.device_to_host(0).uncontended, 26.5_GBps);
  EXPECT_EQ(network.link_names().size(), 6u);  // two cables both ways, two staging links
}

TEST(RigNetwork, OfAMacHasNoHostLink) {
  const RigNetwork network(rig_of(1, m2_ultra()));
  EXPECT_FALSE(network.has_host_link(0));
  EXPECT_THAT([&] { (void)network.host_to_device(0); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("gpu0 has no link to the host")));
}

TEST(RigNetwork, RefusesUnknownDevicesAndCopiesToOneself) {
  const RigNetwork network(rig_of(2, rtx_4090()));
  EXPECT_THAT(
      [&] { (void)network.route(0, 2); },
      ThrowsMessage<std::invalid_argument>(HasSubstr("device 2 is unknown, the rig has 2")));
  EXPECT_THAT([&] { (void)network.route(1, 1); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("no copy from gpu1 to gpu1")));
}

/// A published copy rate or time and the path that must reproduce it.
struct Measured {
  const char* what;
  CopyPath path;
  double gbps;
};

// p2pBandwidthLatencyTest and nvbandwidth, one direction, large copies: the rate is that of 256 MB
// including the fixed cost.
TEST(RigNetwork, LargeCopiesReachTheMeasuredRatesWithin15Percent) {
  const Measured rows[] = {
      {"2x RTX 4090, staged (vast.ai, dbkinghorn notes): 21.7 to 22.7", first_pair(rtx_4090()),
       22.4},
      {"RTX A6000, PCIe peer read", first_pair(a6000()), 27.2},
      {"2x RTX A6000, bridge (siboehm/bench @1f34a58c)", first_pair(a6000(), LinkChoice::kNvlink),
       51.03},
      {"4x A100 PCIe, bridge (nvlink-multiple-gpus)", first_pair(a100_pcie(), LinkChoice::kNvlink),
       275.07},
      {"8x A100 SXM (nvmlc README)", first_pair(a100_sxm()), 274.23},
      {"8x H100 SXM (nvbandwidth 0.10.0 log)", first_pair(h100_sxm()), 395.08},
      {"2x H100 PCIe, bridge (HPE DL380a notes)", first_pair(h100_pcie(), LinkChoice::kNvlink),
       256.62},
      {"RTX PRO 6000 (rtx6kpro @29f3863a)", first_pair(rtx_pro_6000()), 56.26},
      {"8x RTX 4090, host to device (nvbandwidth#15)",
       RigNetwork(rig_of(1, rtx_4090())).host_to_device(0), 25.5},
      {"8x H100 SXM, device to host (nvbandwidth 0.10.0 log)",
       RigNetwork(rig_of(1, h100_sxm())).device_to_host(0), 55.2},
      {"MI300X (rocm.blogs.amd.com, mi300x-rccl-xgmi)", first_pair(mi300x()), 48},
  };
  for (const Measured& row : rows)
    EXPECT_NEAR((256_MB / row.path.time(256_MB)).count(), row.gbps * 1e9, 0.15 * row.gbps * 1e9)
        << row.what;
}

// H100 SXM without peer access: 37.2 to 37.4 GB/s, 16.5 us (NVIDIA/nccl#1264).
TEST(RigNetwork, StagesAnSxmBoardWithoutPeerAccess) {
  Rig rig = rig_of(2, h100_sxm());
  rig.peer_access.clear();
  const CopyPath path = RigNetwork(rig).route(0, 1);
  EXPECT_TRUE(path.staged);
  EXPECT_NEAR((256_MB / path.time(256_MB)).count(), 37.4e9, 0.15 * 37.4e9);
  EXPECT_EQ(path.fixed_cost, 16500ns);
}

// Small copies by p2pBandwidthLatencyTest: staged 4090s 11.44 to 12.84 us; 3090s over PCIe by a
// patched driver 1.01 us, 4090s 1.14 us; A100 bridge 2.25 us; A100 SXM 2.8 us; H100 SXM 2.77 us;
// H100 PCIe bridge 2.56 us.
TEST(RigNetwork, SmallCopiesTakeTheMeasuredLatencyWithin15Percent) {
  const auto microseconds = [](const CopyPath& path) {
    return sim::to_seconds(path.time(16_B)) * 1e6;
  };
  EXPECT_NEAR(microseconds(first_pair(rtx_4090())), 12.14, 0.15 * 12.14);
  EXPECT_NEAR(microseconds(first_pair(a6000())), 1.08, 0.15 * 1.08);
  EXPECT_NEAR(microseconds(first_pair(a100_pcie(), LinkChoice::kNvlink)), 2.25, 0.15 * 2.25);
  EXPECT_NEAR(microseconds(first_pair(a100_sxm())), 2.8, 0.15 * 2.8);
  EXPECT_NEAR(microseconds(first_pair(h100_sxm())), 2.77, 0.15 * 2.77);
  EXPECT_NEAR(microseconds(first_pair(h100_pcie(), LinkChoice::kNvlink)), 2.56, 0.15 * 2.56);
}

// cudaMemcpyPeerAsync over the A6000 bridge (siboehm/bench @1f34a58c): 7 us + n / 51 GB/s. By hand
// for 1 MiB: 7 + 20.6.
TEST(RigNetwork, BridgeCopiesFollowTheMeasuredSizeCurve) {
  const CopyPath path = first_pair(a6000(), LinkChoice::kNvlink);
  const std::pair<sim::Bytes, double> curve[] = {{4_KiB, 7},     {64_KiB, 8}, {256_KiB, 12},
                                                 {1_MiB, 28},    {4_MiB, 89}, {16_MiB, 336},
                                                 {256_MiB, 5260}};
  for (const auto& [size, measured_us] : curve)
    EXPECT_NEAR(sim::to_seconds(path.time(size)) * 1e6, measured_us, 0.15 * measured_us)
        << size.count();
}

using Pair = std::pair<std::uint32_t, std::uint32_t>;

/// When all of `copies` are through, started together on the simulated network.
sim::Duration simulated(const RigNetwork& network, const std::vector<Pair>& copies,
                        sim::Bytes size) {
  sim::OpGraphBuilder builder(network.network());
  CopyRoutes routes(network, builder);
  for (const auto& [from, to] : copies)
    (void)builder.add(sim::Transfer{routes.between(from, to).route, size});
  const sim::OpGraph graph = std::move(builder).compile();
  return sim::Executor(graph).run(graph.costs()).time_since_epoch();
}

TEST(RigNetwork, ACopyAloneTakesTheTimeItsPathSays) {
  for (const Device& device : {rtx_4090(), a6000(), h100_sxm(), mi300x()}) {
    const RigNetwork network(rig_of(2, device));
    EXPECT_EQ(simulated(network, {{0, 1}}, 100_MB), network.route(0, 1).time(100_MB))
        << device.name;
  }
}

// 150 MB at 15 GB/s + 12 us. Both ways at once: 29.8 to 30.9 GB/s in sum (2x RTX 4090,
// p2pBandwidthLatencyTest).
TEST(RigNetwork, StagedCopiesBothWaysShareACardsCopyEngines) {
  const RigNetwork network(rig_of(2, rtx_4090()));
  EXPECT_EQ(simulated(network, {{0, 1}, {1, 0}}, 150_MB), 10'012us);
}

// 265 MB at 26.5 GB/s + 1.1 us: PCIe is full duplex. Measured 51.3 to 54.2 GB/s in sum.
TEST(RigNetwork, PeerCopiesBothWaysDoNotSlowEachOther) {
  const RigNetwork network(rig_of(2, a6000()));
  EXPECT_EQ(simulated(network, {{0, 1}, {1, 0}}, 265_MB), 10ms + 1100ns);
}

// Two cards write to a third, whose one link carries both: 2 x 265 MB at 26.5 GB/s.
TEST(RigNetwork, CopiesToOneCardShareItsLink) {
  const RigNetwork network(rig_of(3, a6000()));
  EXPECT_EQ(simulated(network, {{0, 2}, {1, 2}}, 265_MB), 20ms + 1100ns);
}

// Eight H100 write to their neighbours through the NVSwitch: each port carries one copy out and one
// in.
TEST(RigNetwork, AnNvSwitchCarriesARingAtFullRate) {
  const RigNetwork network(rig_of(8, h100_sxm()));
  std::vector<Pair> ring;
  for (std::uint32_t i = 0; i < 8; ++i) ring.emplace_back(i, (i + 1) % 8);
  EXPECT_EQ(simulated(network, ring, 100_MB), network.route(0, 1).time(100_MB));
}

// GeForce cards let no NIC read them: from the device to its host, over the network, and down.
TEST(RigNetwork, StagesBetweenMachinesWhereNoNicReadsADevice) {
  Rig rig = two_by_two_cluster(2, 2, 1);
  EXPECT_FALSE(RigNetwork(rig).route(0, 2).staged);
  for (InstalledDevice& installed : rig.devices) installed.device.pcie_p2p = false;
  const CopyPath path = RigNetwork(rig).route(0, 2);
  EXPECT_TRUE(path.staged);
  EXPECT_THAT(path.via, ::testing::Contains("m0.switch0>m0.host pcie5x16"));
  EXPECT_THAT(path.via, ::testing::Contains("m1.host>m1.switch0 pcie5x16"));
}

TEST(CopyRoutes, PutsEachPairOnTheGraphOnce) {
  const RigNetwork network(rig_of(3, a6000()));
  sim::OpGraphBuilder builder(network.network());
  CopyRoutes copies(network, builder);
  const CopyRoute& there = copies.between(0, 1);
  EXPECT_NE(copies.between(1, 0).route, there.route);
  EXPECT_NE(copies.host_to_device(1).route, copies.device_to_host(1).route);
  EXPECT_EQ(copies.between(0, 1).route, there.route);
  EXPECT_EQ(builder.network().route_count(), 4u);
  EXPECT_EQ(network.network().route_count(), 0u);
}

TEST(CopyRoutes, RefusesAGraphOfAnotherNetwork) {
  const RigNetwork network(rig_of(2, a6000()));
  sim::OpGraphBuilder empty;
  EXPECT_THAT([&] { CopyRoutes(network, empty); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("has 0 links, the rig's has 6")));
}

}  // namespace
}  // namespace rigsim::topology
