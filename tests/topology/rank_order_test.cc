#include "topology/rank_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace rigsim::topology {
namespace {

using ::testing::ElementsAre;

// A rig by hand: hosts and switches first, then devices.
struct Wiring {
  NodeId add(NodeKind kind, std::uint32_t machine = 0) {
    Node node{kind, std::to_string(rig.nodes.size()), {}, machine};
    if (kind == NodeKind::kDevice) {
      node.device = static_cast<std::uint32_t>(rig.devices.size());
      rig.devices.emplace_back();
    }
    rig.nodes.push_back(node);
    return NodeId{static_cast<std::uint32_t>(rig.nodes.size() - 1)};
  }
  NodeId on(NodeId above, NodeKind kind = NodeKind::kDevice, std::uint32_t machine = 0) {
    const NodeId node = add(kind, machine);
    join(above, node, CableKind::kPcie);
    return node;
  }
  void join(NodeId a, NodeId b, CableKind kind) {
    rig.cables.push_back({a, b, "", sim::Bandwidth(1e9), {}, kind});
  }
  [[nodiscard]] std::vector<std::uint32_t> order() const {
    std::vector<std::uint32_t> devices;
    for (std::uint32_t i = 0; i < rig.devices.size(); ++i) devices.push_back(i);
    return ring_order(rig, devices);
  }
  Rig rig;
};

// Even devices on one switch, odd ones on the other.
TEST(RingOrder, GoesSwitchBySwitch) {
  Wiring wiring;
  const NodeId host = wiring.add(NodeKind::kHost);
  const NodeId even = wiring.on(host, NodeKind::kPcieSwitch);
  const NodeId odd = wiring.on(host, NodeKind::kPcieSwitch);
  for (int i = 0; i < 3; ++i) {
    wiring.on(even);
    wiring.on(odd);
  }
  EXPECT_THAT(wiring.order(), ElementsAre(0, 2, 4, 1, 3, 5));
  const std::vector<std::uint32_t> some{3, 2, 1, 0};
  EXPECT_THAT(ring_order(wiring.rig, some), ElementsAre(3, 1, 2, 0));
}

// A switch with a device and a second switch below it: what hangs on the host comes after both,
// though it is fewer hops from the first device.
TEST(RingOrder, FinishesASwitchBeforeItLeavesIt) {
  Wiring wiring;
  const NodeId host = wiring.add(NodeKind::kHost);
  const NodeId outer = wiring.on(host, NodeKind::kPcieSwitch);
  wiring.on(outer);
  wiring.on(host);
  const NodeId inner = wiring.on(wiring.on(outer, NodeKind::kPcieSwitch), NodeKind::kPcieSwitch);
  wiring.on(inner);
  EXPECT_THAT(wiring.order(), ElementsAre(0, 2, 1));
}

TEST(RingOrder, PutsBridgedDevicesSideBySide) {
  Wiring wiring;
  const NodeId host = wiring.add(NodeKind::kHost);
  const NodeId gpus[] = {wiring.on(host), wiring.on(host), wiring.on(host), wiring.on(host)};
  wiring.join(gpus[0], gpus[3], CableKind::kNvlink);
  wiring.join(gpus[1], gpus[2], CableKind::kNvlink);
  EXPECT_THAT(wiring.order(), ElementsAre(0, 3, 1, 2));
}

TEST(RingOrder, GoesMachineByMachine) {
  Wiring wiring;
  const NodeId hosts[] = {wiring.add(NodeKind::kHost, 0), wiring.add(NodeKind::kHost, 1)};
  for (std::uint32_t i = 0; i < 4; ++i) wiring.on(hosts[i % 2], NodeKind::kDevice, i % 2);
  EXPECT_THAT(wiring.order(), ElementsAre(0, 2, 1, 3));
}

TEST(RingOrder, RefusesWhatTheRigDoesNotHave) {
  Wiring wiring;
  wiring.on(wiring.add(NodeKind::kHost));
  EXPECT_THROW((void)ring_order(wiring.rig, std::vector<std::uint32_t>{1}), std::invalid_argument);
  EXPECT_THROW((void)ring_order(wiring.rig, std::vector<std::uint32_t>{0, 0}),
               std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::topology
