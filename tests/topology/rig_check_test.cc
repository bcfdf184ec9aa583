#include "topology/rig_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "tests/topology/devices.h"

namespace rigsim::topology {
namespace {

using namespace testing;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// Two cards on one host (nodes gpu0, gpu1, host0; cables 0 and 1), spoiled by `spoil`.
std::function<void()> checking(const std::function<void(Rig&)>& spoil) {
  return [spoil] {
    Rig rig = rig_of(2, rtx_4090());
    spoil(rig);
    validate(rig);
  };
}

Cable nvlink(NodeId a, NodeId b) {
  return {a, b, "nvlink3x4", sim::Bandwidth(1e9), {}, CableKind::kNvlink};
}

auto refuses_with(const char* text) {
  return ThrowsMessage<std::invalid_argument>(HasSubstr(text));
}

TEST(Validate, AcceptsEveryRigTheBuilderMakes) {
  for (const Device& device : {rtx_4090(), rtx_3090(), a100_sxm(), h100_sxm(), mi300x()})
    EXPECT_NO_THROW(validate(rig_of(8, device))) << device.name;
  EXPECT_NO_THROW(validate(rig_of(1, m2_ultra())));
}

TEST(Validate, RefusesCablesToNowhere) {
  EXPECT_THAT(checking([](Rig& rig) { rig.cables[1].b = NodeId{7}; }),
              refuses_with("cable 1 (pcie4x16): node 7 is unknown, the rig has 3"));
  EXPECT_THAT(checking([](Rig& rig) { rig.cables[0].b = NodeId{0}; }),
              refuses_with("cable gpu0 - gpu0 (pcie4x16): both ends are the same node"));
}

TEST(Validate, RefusesImpossibleRates) {
  EXPECT_THAT(
      checking([](Rig& rig) { rig.cables[0].per_direction = {}; }),
      refuses_with("cable gpu0 - host0 (pcie4x16): bandwidth must be > 0 and finite, got 0 GB/s"));
  EXPECT_THAT(
      checking([](Rig& rig) { rig.cables[0].per_direction = sim::Bandwidth(std::nan("")); }),
      refuses_with("bandwidth must be > 0"));
  EXPECT_THAT(checking([](Rig& rig) { rig.cables[1].latency = std::chrono::microseconds(-1); }),
              refuses_with("cable gpu1 - host0 (pcie4x16): latency must be >= 0, got -1 us"));
}

TEST(Validate, RefusesADeviceThatNoCableReaches) {
  EXPECT_THAT(checking([](Rig& rig) { rig.cables.pop_back(); }),
              refuses_with("device gpu1 is not connected to a host"));
}

TEST(Validate, RefusesADeviceThatOnlyAnotherDeviceReaches) {
  EXPECT_THAT(checking([](Rig& rig) { rig.cables[1] = nvlink(NodeId{0}, NodeId{1}); }),
              refuses_with("device gpu1 is not connected to a host"));
}

TEST(Validate, RefusesAPcieCycleButNotAnNvlinkOne) {
  const Cable direct{NodeId{0}, NodeId{1}, "pcie4x16", sim::Bandwidth(1e9), {}};
  EXPECT_THAT(checking([&](Rig& rig) { rig.cables.push_back(direct); }),
              refuses_with("cable gpu0 - gpu1 (pcie4x16): PCIe must form a tree"));
  EXPECT_NO_THROW(checking([](Rig& rig) { rig.cables.push_back(nvlink(NodeId{0}, NodeId{1})); })());
}

TEST(Validate, RefusesASecondCableOfATypeBetweenAPair) {
  const Cable back = nvlink(NodeId{1}, NodeId{0});
  const Cable there = nvlink(NodeId{0}, NodeId{1});
  EXPECT_THAT(checking([&](Rig& rig) { rig.cables.insert(rig.cables.end(), {back, there}); }),
              refuses_with("cable gpu0 - gpu1 (nvlink3x4): the pair has such a cable already"));
}

/// The two cards and a second host with a NIC (nodes 3 and 4) and a network switch (5); `kind`
/// joins `a` and `b`.
std::function<void()> joining(CableKind kind, std::uint32_t a, std::uint32_t b) {
  return checking([=](Rig& rig) {
    rig.nodes.push_back({NodeKind::kHost, "host1", {}});
    rig.nodes.push_back({NodeKind::kNic, "nic0", {}});
    rig.nodes.push_back({NodeKind::kNetworkSwitch, "leaf0", {}});
    rig.cables.push_back({NodeId{4}, NodeId{3}, "nic", sim::Bandwidth(1e9), {}, CableKind::kPcie});
    rig.cables.push_back({NodeId{a}, NodeId{b}, "mine", sim::Bandwidth(1e9), {}, kind});
  });
}

TEST(Validate, KnowsWhichEndsACableMayHave) {
  EXPECT_NO_THROW(joining(CableKind::kSocket, 2, 3)());
  EXPECT_NO_THROW(joining(CableKind::kNetwork, 4, 5)());
  EXPECT_NO_THROW(joining(CableKind::kNetwork, 3, 5)());
  EXPECT_NO_THROW(joining(CableKind::kC2c, 0, 2)());
  EXPECT_NO_THROW(joining(CableKind::kXgmi, 0, 1)());
  EXPECT_THAT(joining(CableKind::kSocket, 0, 2),
              refuses_with("cable gpu0 - host0 (mine): a socket cable joins hosts, got device and "
                           "host"));
  EXPECT_THAT(joining(CableKind::kNetwork, 0, 5), refuses_with("NICs, network switches and hosts"));
  EXPECT_THAT(joining(CableKind::kPcie, 4, 5), refuses_with("got nic and network-switch"));
  EXPECT_THAT(joining(CableKind::kOnDie, 0, 2), refuses_with("hosts, root complexes and PCIe"));
}

TEST(Validate, RefusesANicWithoutPcie) {
  EXPECT_THAT(checking([](Rig& rig) { rig.nodes.push_back({NodeKind::kNic, "nic0", {}}); }),
              refuses_with("NIC nic0 has no PCIe cable"));
}

TEST(Validate, LetsSocketsFormAMesh) {
  EXPECT_NO_THROW(checking([](Rig& rig) {
    for (const char* name : {"host1", "host2"}) rig.nodes.push_back({NodeKind::kHost, name, {}});
    for (const auto& [a, b] : {std::pair(2u, 3u), std::pair(3u, 4u), std::pair(2u, 4u)})
      rig.cables.push_back(
          {NodeId{a}, NodeId{b}, "upi", sim::Bandwidth(1e9), {}, CableKind::kSocket});
  })());
}

TEST(Validate, RefusesPcieBetweenMachines) {
  EXPECT_THAT(checking([](Rig& rig) { rig.nodes[1].machine = 1; }),
              refuses_with("cable gpu1 - host0 (pcie4x16): it leaves machine 1 for machine 0"));
}

TEST(Validate, RefusesNamesUsedTwice) {
  EXPECT_THAT(checking([](Rig& rig) { rig.devices[1].name = "gpu0"; }),
              refuses_with("two devices are named \"gpu0\""));
  EXPECT_THAT(checking([](Rig& rig) { rig.nodes[1].name = "host0"; }),
              refuses_with("two nodes are named \"host0\""));
}

TEST(Validate, RefusesDevicesAndNodesThatDoNotMatch) {
  EXPECT_THAT(checking([](Rig& rig) { rig.nodes[1].device = 0; }),
              refuses_with("device gpu0 stands at two nodes, the second is gpu1"));
  EXPECT_THAT(checking([](Rig& rig) { rig.nodes[1].device = 5; }),
              refuses_with("node gpu1: device 5 is unknown, the rig has 2"));
  EXPECT_THAT(checking([](Rig& rig) { rig.nodes[2].device = 1; }),
              refuses_with("node host0: a device node, and no other"));
  EXPECT_THAT(checking([](Rig& rig) { rig.devices.push_back({rtx_4090(), "gpu2", {}}); }),
              refuses_with("device gpu2 stands at no node"));
  EXPECT_THAT(checking([](Rig& rig) { rig.devices.clear(); }), refuses_with("needs a device"));
}

TEST(Validate, RefusesOddPeerAccessAndPowerLimits) {
  EXPECT_THAT(checking([](Rig& rig) { rig.peer_access.push_back({0, 2}); }),
              refuses_with("device 2 is unknown, the rig has 2"));
  EXPECT_THAT(checking([](Rig& rig) { rig.peer_access.push_back({1, 1}); }),
              refuses_with("peer access of gpu1 to itself"));
  EXPECT_THAT(checking([](Rig& rig) { rig.devices[0].power_limit = sim::Watts(0); }),
              refuses_with("gpu0: the power limit must be > 0 W, got 0 W"));
}

}  // namespace
}  // namespace rigsim::topology
