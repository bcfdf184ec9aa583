#include "topology/nccl_wiring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <stdexcept>

#include "tests/topology/cluster.h"
#include "tests/topology/devices.h"
#include "tests/topology/nccl_numbers.h"
#include "topology/cluster.h"
#include "topology/network.h"

namespace rigsim::topology {
namespace {

using namespace testing;
using ::testing::HasSubstr;

NcclGraph graph_of(const Rig& rig) {
  std::vector<std::uint32_t> all(rig.devices.size());
  std::iota(all.begin(), all.end(), 0U);
  return NcclWiring(rig, round_constants()).graph(all);
}

double gbps(sim::Bandwidth rate) { return rate.count() * 1e-9; }

// A100: 300 GB/s of line rate x 0.8 = 240 = 6 channels of 40.
TEST(NcclWiring, FindsTheSwitch) {
  const NcclGraph graph = graph_of(rig_of(8, a100_sxm()));
  EXPECT_EQ(graph.path, NcclPath::kNvlink);
  EXPECT_NEAR(gbps(graph.intra), 240, 1e-6);
  EXPECT_EQ(graph.ranks, 8U);
  EXPECT_EQ(graph.machines, 1U);
  EXPECT_TRUE(graph.fully_joined);
  EXPECT_FALSE(graph.nvls);  // Ampere's switch does not reduce
}

// GA102: 4 links x 12 GB/s. Four cards in two bridged pairs ring over PCIe: 24 GB/s for 4.0 x16.
TEST(NcclWiring, ABridgeHelpsItsPairOnly) {
  const NcclGraph pair = graph_of(rig_of(2, rtx_3090(), LinkChoice::kNvlink));
  EXPECT_EQ(pair.path, NcclPath::kNvlink);
  EXPECT_NEAR(gbps(pair.intra), 48, 1e-6);
  const NcclGraph four = graph_of(rig_of(4, rtx_3090(), LinkChoice::kNvlink));
  EXPECT_EQ(four.path, NcclPath::kSharedMemory);
  EXPECT_NEAR(gbps(four.intra), 24, 1e-6);
}

// NCCL copies over PCIe between two GPUs where the driver lets it, else through host memory; so it
// does for more than two that do not share a PCIe switch.
TEST(NcclWiring, PeerCopiesNeedTheDriverAndAPair) {
  EXPECT_EQ(graph_of(rig_of(2, a6000())).path, NcclPath::kPcie);
  EXPECT_EQ(graph_of(rig_of(2, rtx_4090())).path, NcclPath::kSharedMemory);
  EXPECT_EQ(graph_of(rig_of(4, a6000())).path, NcclPath::kSharedMemory);
}

// NCCL_P2P_LEVEL=SYS: as far as the driver permits it.
TEST(NcclWiring, TheUsersLevelLetsPeersMeetAcrossTheHost) {
  Rig rig = rig_of(4, a6000());
  rig.nccl_peers_at_any_distance = true;
  EXPECT_EQ(graph_of(rig).path, NcclPath::kPcie);
  rig.peer_access.clear();
  EXPECT_EQ(graph_of(rig).path, NcclPath::kSharedMemory);
}

// RCCL's default is peer to peer at any distance.
TEST(NcclWiring, AmdCardsCopyToEachOtherAcrossTheHost) {
  Device amd = card("mi50", "Vega 20", 4, true);
  amd.vendor = "AMD";
  EXPECT_EQ(graph_of(rig_of(4, amd)).path, NcclPath::kPcie);
}

TEST(NcclWiring, AnIntelHostKeepsAPairApart) {
  Rig rig = rig_of(2, a6000());
  Device cpu = ryzen();
  cpu.vendor = "Intel";
  rig.host.cpu = cpu;
  EXPECT_EQ(graph_of(rig).path, NcclPath::kSharedMemory);
}

// The CPU that stands there counts, not the one that offloaded layers are priced on.
TEST(NcclWiring, TheVendorOfAnUnknownCpuIsKnownAllTheSame) {
  Rig rig = rig_of(2, a6000());
  rig.host.cpu_vendor = "Intel";
  EXPECT_EQ(graph_of(rig).path, NcclPath::kSharedMemory);
  rig.host.cpu = ryzen();
  EXPECT_EQ(graph_of(rig).path, NcclPath::kSharedMemory);
  rig.host.cpu_vendor.clear();
  EXPECT_EQ(graph_of(rig).path, NcclPath::kPcie);
}

// Four cards below one PCIe switch whose uplink nobody crosses: peer to peer at the cards' own
// rate.
TEST(NcclWiring, ASwitchKeepsPeersTogether) {
  Rig rig = rig_of(4, a6000());
  rig.nodes.push_back({NodeKind::kPcieSwitch, "switch0", {}});
  const NodeId hub{static_cast<std::uint32_t>(rig.nodes.size() - 1)};
  const NodeId host = rig.cables.front().b;
  for (Cable& cable : rig.cables) cable.b = hub;
  Cable uplink = rig.cables.front();
  uplink.a = hub;
  uplink.b = host;
  uplink.per_direction = uplink.per_direction / 4;
  rig.cables.push_back(uplink);
  const NcclGraph graph = graph_of(rig);
  EXPECT_EQ(graph.path, NcclPath::kPcie);
  EXPECT_NEAR(gbps(graph.intra), 24, 1e-6);
}

// Half the lanes: 12 GB/s, one channel of 12.
TEST(NcclWiring, TheNarrowestCableCounts) {
  Rig rig = rig_of(2, a6000());
  rig.cables[1].per_direction = rig.cables[1].per_direction / 2;
  EXPECT_NEAR(gbps(graph_of(rig).intra), 12, 1e-6);
}

// Each MI300X sends over seven links of 48 GB/s at once: 336, in channels 8 x 40 = 320.
TEST(NcclWiring, AMeshUsesAllItsLinks) {
  const NcclGraph graph = graph_of(rig_of(8, mi300x()));
  EXPECT_EQ(graph.path, NcclPath::kNvlink);
  EXPECT_NEAR(gbps(graph.intra), 330, 1e-6);  // 11 channels of 30
  EXPECT_TRUE(graph.fully_joined);
}

// DGX-1: each V100 has six links of 25 x 0.8 GB/s to four others, at least
// four of the six within its quad.
TEST(NcclWiring, EightV100AreAMeshWithoutASwitch) {
  const Rig rig = rig_of(8, v100());
  const NcclGraph eight = graph_of(rig);
  EXPECT_EQ(eight.path, NcclPath::kNvlink);
  EXPECT_NEAR(gbps(eight.intra), 120, 1e-6);
  EXPECT_FALSE(eight.fully_joined);
  const std::vector<std::uint32_t> quad{0, 1, 2, 3};
  EXPECT_NEAR(gbps(NcclWiring(rig, round_constants()).graph(quad).intra), 80, 1e-6);
  const std::vector<std::uint32_t> apart{0, 7};
  EXPECT_NE(NcclWiring(rig, round_constants()).graph(apart).path, NcclPath::kNvlink);
}

/// `count` A100 PCIe and NVLink of `gbps` between the pairs.
Rig bridged(std::uint32_t count, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& pairs,
            double gbps = 100) {
  Rig rig = rig_of(count, a100_pcie());
  for (const auto& [a, b] : pairs)
    rig.cables.push_back(
        {NodeId{a}, NodeId{b}, "nvlink3x4", sim::Bandwidth(gbps * 1e9), {}, CableKind::kNvlink});
  return rig;
}

// Two quads, each joined all to all and to the other by PCIe alone: no ring of NVLink passes all
// eight; one of PCIe does, at a card's 24 GB/s. Either quad alone is a mesh.
TEST(NcclWiring, IslandsOfNvlinkAreNoMesh) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (const std::uint32_t quad : {0U, 4U})
    for (std::uint32_t i = 0; i < 4; ++i)
      for (std::uint32_t j = 0; j < i; ++j) pairs.emplace_back(quad + i, quad + j);
  const Rig rig = bridged(8, pairs);
  const NcclGraph all = graph_of(rig);
  EXPECT_EQ(all.path, NcclPath::kSharedMemory);
  EXPECT_NEAR(gbps(all.intra), 24, 1e-6);
  const std::vector<std::uint32_t> quad{4, 5, 6, 7};
  EXPECT_EQ(NcclWiring(rig, round_constants()).graph(quad).path, NcclPath::kNvlink);
}

// A card that two triangles have in common would be passed twice.
TEST(NcclWiring, AMeshHasARingThroughAll) {
  const Rig bow = bridged(5, {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {3, 4}, {4, 2}});
  EXPECT_EQ(graph_of(bow).path, NcclPath::kSharedMemory);
  const Rig ring = bridged(5, {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 0}});
  EXPECT_EQ(graph_of(ring).path, NcclPath::kNvlink);
  EXPECT_FALSE(graph_of(ring).fully_joined);
}

// Of a ring of four in two pairs NVLink carries two hops, of eight in two quads three and three.
TEST(NcclWiring, CountsTheHopsThatNvlinkCarries) {
  EXPECT_EQ(graph_of(rig_of(4, rtx_3090(), LinkChoice::kNvlink)).nvlink_hops, 0.5);
  EXPECT_EQ(graph_of(bridged(8, {{0, 1},
                                 {1, 2},
                                 {2, 0},
                                 {0, 3},
                                 {1, 3},
                                 {2, 3},
                                 {4, 5},
                                 {5, 6},
                                 {6, 7},
                                 {7, 4},
                                 {4, 6},
                                 {5, 7}}))
                .nvlink_hops,
            0.75);
  EXPECT_EQ(graph_of(rig_of(4, rtx_3090())).nvlink_hops, 0);
  EXPECT_EQ(graph_of(rig_of(2, rtx_3090(), LinkChoice::kNvlink)).nvlink_hops, 0);
}

/// Two machines of two A100s, each device with a NIC of 25 GB/s.
Rig two_machines() {
  Rig rig;
  for (std::uint32_t machine = 0; machine < 2; ++machine) {
    const Rig one = rig_of(2, a100_sxm());
    const auto nodes = static_cast<std::uint32_t>(rig.nodes.size());
    const auto devices = static_cast<std::uint32_t>(rig.devices.size());
    for (const InstalledDevice& device : one.devices) rig.devices.push_back(device);
    for (Node node : one.nodes) {
      node.machine = machine;
      if (node.device) *node.device += devices;
      rig.nodes.push_back(node);
    }
    for (Cable cable : one.cables) {
      cable.a = NodeId{static_cast<std::uint32_t>(cable.a) + nodes};
      cable.b = NodeId{static_cast<std::uint32_t>(cable.b) + nodes};
      rig.cables.push_back(cable);
    }
  }
  rig.nodes.push_back({NodeKind::kNetworkSwitch, "leaf", {}});
  const NodeId leaf{static_cast<std::uint32_t>(rig.nodes.size() - 1)};
  for (std::uint32_t nic = 0; nic < 4; ++nic) {
    rig.nodes.push_back({NodeKind::kNic, "nic", {}, nic / 2});
    rig.cables.push_back({NodeId{static_cast<std::uint32_t>(rig.nodes.size() - 1)},
                          leaf,
                          "ib",
                          sim::Bandwidth(25e9),
                          {},
                          CableKind::kNetwork});
  }
  return rig;
}

// Two NICs a machine, one for each rank there: 50 GB/s between machines; one rank a machine has 25.
TEST(NcclWiring, CountsTheNicsOfAMachine) {
  const NcclGraph graph = graph_of(two_machines());
  EXPECT_EQ(graph.machines, 2U);
  EXPECT_EQ(graph.ranks_per_machine, 2U);
  EXPECT_NEAR(gbps(graph.inter), 50, 1e-6);
  EXPECT_NEAR(gbps(graph.ring()), 50, 1e-6);
  const std::vector<std::uint32_t> far{0, 2};
  EXPECT_NEAR(gbps(NcclWiring(two_machines(), round_constants()).graph(far).ring()), 25, 1e-6);
}

// Card and NIC stand in slots: one lane of PCIe 4 carries 1.66 GB/s of the NIC's 23.5.
TEST(NcclWiring, OneRankAMachineGoesThroughItsSlots) {
  for (const int lanes : {1, 4, 16}) {
    Device device = a6000();
    device.pcie_lanes = lanes;
    const Rig rig = build_cluster(rig_of(1, device), 2, {});
    const sim::Bandwidth way = RigNetwork(rig).route(0, 1).uncontended;
    EXPECT_NEAR(gbps(graph_of(rig).ring()), gbps(way), 1e-9) << lanes;
  }
}

// The NIC's own slot is as narrow as the card's; a wide NIC does not help.
TEST(NcclWiring, TheNicsOwnSlotCounts) {
  Rig rig = two_by_two_cluster(2, 2, 1);
  for (Cable& cable : rig.cables)
    if (rig.nodes[static_cast<std::size_t>(cable.a)].kind == NodeKind::kNic &&
        cable.kind == CableKind::kPcie)
      cable.per_direction = sim::Bandwidth(3e9);
  EXPECT_NEAR(gbps(graph_of(rig).inter), 6, 1e-9);  // two NICs a machine
}

// Both GPUs of a machine below one switch and both NICs at the host: they share the uplink's 20.
TEST(NcclWiring, WaysToTheNicsShareAnUplink) {
  Rig rig = two_by_two_cluster(2, 2, 1);
  const auto is = [&](NodeId id, NodeKind kind) {
    return rig.nodes[static_cast<std::size_t>(id)].kind == kind;
  };
  std::map<std::uint32_t, NodeId> hub;
  std::map<std::uint32_t, NodeId> host;
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i) {
    if (is(NodeId{i}, NodeKind::kPcieSwitch)) hub.emplace(rig.nodes[i].machine, NodeId{i});
    if (is(NodeId{i}, NodeKind::kHost)) host.emplace(rig.nodes[i].machine, NodeId{i});
  }
  for (Cable& cable : rig.cables) {
    if (cable.kind != CableKind::kPcie) continue;
    const std::uint32_t machine = rig.nodes[static_cast<std::size_t>(cable.a)].machine;
    if (is(cable.a, NodeKind::kDevice)) cable.b = hub[machine];
    if (is(cable.a, NodeKind::kNic)) cable.b = host[machine];
    if (is(cable.a, NodeKind::kPcieSwitch)) cable.per_direction = sim::Bandwidth(20e9);
  }
  EXPECT_NEAR(gbps(graph_of(rig).inter), 20, 1e-9);
}

std::string refusal(const Rig& rig, const std::vector<std::uint32_t>& devices) {
  try {
    (void)NcclWiring(rig, round_constants()).graph(devices);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(NcclWiring, RefusesWhatIsNoGroup) {
  const Rig rig = rig_of(2, a100_sxm());
  EXPECT_THAT(refusal(rig, {0}), HasSubstr("at least two devices, got 1"));
  EXPECT_THAT(refusal(rig, {0, 7}), HasSubstr("no device 7; the rig has 2"));
  EXPECT_THAT(refusal(rig, {1, 1}), HasSubstr("device 1 takes part twice"));
  Rig apart = two_machines();
  std::erase_if(apart.cables, [](const Cable& c) { return c.kind == CableKind::kNetwork; });
  EXPECT_THAT(refusal(apart, {0, 2}), HasSubstr("machine 0 has no NIC"));
}

}  // namespace
}  // namespace rigsim::topology
