#include "topology/path_class.h"

#include <gtest/gtest.h>

#include "tests/topology/devices.h"

namespace rigsim::topology {
namespace {

using namespace testing;

std::string between(const Rig& rig, std::uint32_t from, std::uint32_t to) {
  return to_string(paths_from(rig, NodeId{from})[to]);
}

TEST(PathClass, CardsOnOneHostAreJoinedThroughIt) {
  const Rig rig = rig_of(2, rtx_4090());
  EXPECT_EQ(between(rig, 0, 0), "X");
  EXPECT_EQ(between(rig, 0, 1), "PHB");
}

TEST(PathClass, BridgesJoinPairsAndSwitchesAll) {
  const Rig bridged = rig_of(4, rtx_3090(), LinkChoice::kNvlink);
  EXPECT_EQ(between(bridged, 0, 1), "NV4");
  EXPECT_EQ(between(bridged, 1, 2), "PHB");
  EXPECT_EQ(between(rig_of(8, h100_sxm()), 0, 7), "NV18");
  EXPECT_EQ(between(rig_of(8, mi300x()), 3, 5), "XGMI");
}

/// gpu0 and gpu1 on one switch, gpu2 on a second below the same root, gpu3 on another root of the
/// same host, gpu4 on another socket, gpu5 in another machine.
Rig staircase() {
  Rig rig;
  rig.name = "staircase";
  for (std::uint32_t i = 0; i < 6; ++i)
    rig.nodes.push_back({NodeKind::kDevice, "gpu" + std::to_string(i), i, i == 5 ? 1u : 0u});
  const auto add = [&](NodeKind kind, const char* name) {
    rig.nodes.push_back({kind, name, {}, 0});
    return NodeId{static_cast<std::uint32_t>(rig.nodes.size() - 1)};
  };
  const auto join = [&](NodeId a, NodeId b, CableKind kind) {
    rig.cables.push_back({a, b, "cable", sim::Bandwidth(1e9), {}, kind});
  };
  const NodeId near = add(NodeKind::kPcieSwitch, "switch0");
  const NodeId far = add(NodeKind::kPcieSwitch, "switch1");
  const NodeId top = add(NodeKind::kPcieSwitch, "switch2");
  const NodeId root0 = add(NodeKind::kRootComplex, "root0");
  const NodeId root1 = add(NodeKind::kRootComplex, "root1");
  const NodeId host0 = add(NodeKind::kHost, "host0");
  const NodeId host1 = add(NodeKind::kHost, "host1");
  const NodeId other = add(NodeKind::kHost, "host2");
  join(NodeId{0}, near, CableKind::kPcie);
  join(NodeId{1}, near, CableKind::kPcie);
  join(NodeId{2}, far, CableKind::kPcie);
  join(near, top, CableKind::kPcie);
  join(far, top, CableKind::kPcie);
  join(top, root0, CableKind::kPcie);
  join(NodeId{3}, root1, CableKind::kPcie);
  join(root0, host0, CableKind::kOnDie);
  join(root1, host0, CableKind::kOnDie);
  join(NodeId{4}, host1, CableKind::kPcie);
  join(host0, host1, CableKind::kSocket);
  join(NodeId{5}, other, CableKind::kPcie);
  join(host0, other, CableKind::kNetwork);
  return rig;
}

TEST(PathClass, EveryStepOfTheStaircaseHasItsWord) {
  const Rig rig = staircase();
  EXPECT_EQ(between(rig, 0, 1), "PIX");
  EXPECT_EQ(between(rig, 0, 2), "PXB");
  EXPECT_EQ(between(rig, 0, 3), "NODE");
  EXPECT_EQ(between(rig, 0, 4), "SYS");
  EXPECT_EQ(between(rig, 0, 5), "NET");
}

TEST(PathClass, BothEndsSeeTheSame) {
  const Rig rig = staircase();
  for (std::uint32_t i = 0; i < 6; ++i)
    for (std::uint32_t j = 0; j < 6; ++j) EXPECT_EQ(between(rig, i, j), between(rig, j, i));
}

}  // namespace
}  // namespace rigsim::topology
