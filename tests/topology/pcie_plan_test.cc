#include "topology/pcie_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/topology/devices.h"
#include "topology/network.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Rig planned(std::uint32_t devices, PciePlan plan) {
  RigRequest request{"planned", {}, LinkChoice::kDefault, {}, std::move(plan)};
  for (std::uint32_t i = 0; i < devices; ++i) request.devices.push_back({rtx_pro_6000(), "", {}});
  return build_rig(request);
}

std::vector<std::string> way(const Rig& rig, std::uint32_t from, std::uint32_t to) {
  return RigNetwork(rig).route(from, to).via;
}

TEST(WirePcie, SplitsDevicesOverSockets) {
  const Rig rig = planned(4, {.sockets = 2});
  EXPECT_THAT(way(rig, 0, 1), ElementsAre("gpu0>host0 pcie5x16", "host0>gpu1 pcie5x16"));
  EXPECT_THAT(way(rig, 1, 2), ElementsAre("gpu1>host0 pcie5x16", "host0>host1 socket-amd-genoa",
                                          "host1>gpu2 pcie5x16"));
  EXPECT_EQ(RigNetwork(rig).route(1, 2).uncontended, 39_GBps);
}

// Between two switches below each other: up one uplink, down another.
TEST(WirePcie, HangsSwitchesBelowEachOther) {
  const LinkRate uplink = pcie_link(5, 16);
  const Rig rig = planned(4, {.switches = {{"root", {}, uplink, "host0"},
                                           {"left", {0, 1}, uplink, "root"},
                                           {"right", {2}, uplink, "root"}}});
  EXPECT_THAT(way(rig, 0, 1), ElementsAre("gpu0>left pcie5x16", "left>gpu1 pcie5x16"));
  EXPECT_THAT(way(rig, 0, 2), ElementsAre("gpu0>left pcie5x16", "left>root pcie5x16",
                                          "root>right pcie5x16", "right>gpu2 pcie5x16"));
  EXPECT_THAT(way(rig, 2, 3), ElementsAre("gpu2>right pcie5x16", "right>root pcie5x16",
                                          "root>host0 pcie5x16", "host0>gpu3 pcie5x16"));
}

// Peers turn round in their root complex; only what goes to memory passes its limit.
TEST(WirePcie, LetsPeersMeetInTheirRootComplex) {
  const Rig rig = planned(4, {.root_complexes = {{"q0"}, {"q1"}}});
  EXPECT_THAT(way(rig, 0, 1), ElementsAre("gpu0>q0 pcie5x16", "q0>gpu1 pcie5x16"));
  EXPECT_THAT(RigNetwork(rig).host_to_device(3).via,
              ElementsAre("host0>q1 on-die", "q1>gpu3 pcie5x16"));
}

// Two switches that are one chip: beside each other, not up to the host and down.
TEST(WirePcie, KeepsCopiesBetweenPartsOfAChipInside) {
  const LinkRate uplink = pcie_link(5, 16);
  const LinkRate inside{"on-die", 216_GBps, {}, CableKind::kOnDie};
  const Rig rig = planned(2, {.switches = {{"left", {0}, uplink, ""}, {"right", {1}, uplink, ""}},
                              .chips = {{{"left", "right"}, inside}}});
  EXPECT_THAT(way(rig, 0, 1),
              ElementsAre("gpu0>left pcie5x16", "left>right on-die", "right>gpu1 pcie5x16"));
}

TEST(WirePcie, RefusesPlansThatDoNotFit) {
  const LinkRate uplink = pcie_link(4, 8);
  const auto refusal = [](PciePlan plan, const char* text) {
    EXPECT_THAT([&] { (void)planned(2, plan); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  refusal({.sockets = 0}, "a machine needs a socket");
  refusal({.root_complexes = {{"q0", 1}}}, "root complex q0: socket 1 is unknown, there are 1");
  refusal({.switches = {{"a", {2}, uplink, ""}}}, "switch a: device 2 is unknown, there are 2");
  refusal({.switches = {{"a", {0}, uplink, ""}, {"b", {0}, uplink, ""}}},
          "switch b: gpu0 is plugged into another switch already");
  refusal({.switches = {{"a", {0}, uplink, "b"}, {"b", {1}, uplink, ""}}},
          "switch a: it hangs at \"b\", which is no host, root complex or switch listed before");
  refusal({.chips = {{{"host0"}, uplink}}}, "a chip's part \"host0\" is no switch");
  refusal({.switches = {{"host0", {}, uplink, ""}}}, "two parts are named \"host0\"");
}

}  // namespace
}  // namespace rigsim::topology
