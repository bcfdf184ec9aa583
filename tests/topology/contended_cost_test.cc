#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>

#include "tests/topology/devices.h"
#include "tests/topology/nccl_numbers.h"
#include "topology/collective_contention.h"

namespace rigsim::topology {
namespace {

using namespace std::chrono_literals;
using namespace sim::literals;
using namespace testing;
using Kind = CollectiveKind;

CollectiveProfile profile() {
  CollectiveProfile out;
  out.nccl = round_constants();
  out.shape = {1, 1, 0.5};
  const NcclFit pcie{8us, 2us, 6us, 0.5, 1, 0.5};
  out.family = {{7us, 1us, 4us, 0.5, 1, 0.5}, pcie, pcie, 0.5, 20us};
  return out;
}

/// Four cards in two pairs, each pair on a switch of its own below one switch below the host; every
/// cable as wide as a card's.
Rig two_switches() {
  Rig rig = rig_of(4, a6000());
  const auto add = [&](const char* name) {
    rig.nodes.push_back({NodeKind::kPcieSwitch, name, {}});
    return NodeId{static_cast<std::uint32_t>(rig.nodes.size() - 1)};
  };
  const NodeId left = add("left");
  const NodeId right = add("right");
  const NodeId top = add("top");
  const NodeId host = rig.cables.front().b;
  for (std::size_t i = 0; i < 4; ++i) rig.cables[i].b = i < 2 ? left : right;
  const Cable like = rig.cables.front();
  for (const auto& [below, above] :
       {std::pair(left, top), std::pair(right, top), std::pair(top, host)}) {
    Cable cable = like;
    cable.a = below;
    cable.b = above;
    rig.cables.push_back(cable);
  }
  return rig;
}

double us(sim::Duration duration) { return sim::to_seconds(duration) * 1e6; }

struct Machine {
  explicit Machine(Rig wired) : rig(std::move(wired)), model(rig, numbers), network(rig) {}
  Rig rig;
  CollectiveProfile numbers = profile();
  CollectiveModel model;
  RigNetwork network;

  [[nodiscard]] CollectiveCost contended(const std::vector<CollectiveRequest>& groups) const {
    return contended_cost(model, network, groups, LaunchMode::kGraph);
  }
  [[nodiscard]] CollectiveCost alone(const CollectiveRequest& request) const {
    return model.cost(request, LaunchMode::kGraph);
  }
};

TEST(ContendedCost, WhereNothingIsSharedBothAgree) {
  const Machine machine(rig_of(8, a100_sxm()));
  for (const Kind kind : {Kind::kAllReduce, Kind::kAllGather, Kind::kAllToAll})
    for (const sim::Bytes size : {1_KiB, 1_MiB, 256_MiB}) {
      const CollectiveRequest low{kind, {0, 1, 2, 3}, size};
      const CollectiveRequest high{kind, {4, 5, 6, 7}, size};
      EXPECT_EQ(machine.contended({low}).time, machine.alone(low).time);
      EXPECT_EQ(machine.contended({low, high}).time, machine.alone(low).time);
    }
}

// Both pairs send both ways through the same uplinks: half the rate each, and the 1 GiB takes twice
// as long; the latency stays.
TEST(ContendedCost, TwoPairsShareAnUplink) {
  const Machine machine(two_switches());
  const CollectiveRequest first{Kind::kAllReduce, {0, 2}, 1_GiB};
  const CollectiveRequest second{Kind::kAllReduce, {1, 3}, 1_GiB};
  EXPECT_EQ(machine.contended({first}).time, machine.alone(first).time);
  EXPECT_NEAR(us(machine.contended({first, second}).time) / us(machine.alone(first).time), 2, 0.01);
  const CollectiveRequest near{Kind::kAllReduce, {0, 1}, 1_GiB};
  const CollectiveRequest far{Kind::kAllReduce, {2, 3}, 1_GiB};
  EXPECT_EQ(machine.contended({near, far}).time, machine.alone(near).time);
}

// Of an all-to-all of four each card sends 3/4 of its bytes, half of all cross an uplink that two
// cards share: 2 x 1/2 against 3/4.
TEST(ContendedCost, AnAllToAllSharesItsOwnUplink) {
  const Machine machine(two_switches());
  const CollectiveRequest all{Kind::kAllToAll, {0, 1, 2, 3}, 1_GiB};
  EXPECT_NEAR(us(machine.contended({all}).time) / us(machine.alone(all).time), 4.0 / 3, 0.01);
  const CollectiveRequest ring{Kind::kAllGather, {0, 1, 2, 3}, 1_GiB};
  EXPECT_EQ(machine.contended({ring}).time, machine.alone(ring).time);
}

// NCCL lays its rings along the wiring, whatever order the ranks stand in.
TEST(ContendedCost, ARingCrossesEveryUplinkOnceWhateverTheOrderOfRanks) {
  const Machine machine(two_switches());
  for (const Kind kind : {Kind::kAllReduce, Kind::kReduceScatter, Kind::kBroadcast}) {
    const CollectiveRequest crossed{kind, {0, 2, 1, 3}, 1_GiB};
    EXPECT_EQ(machine.contended({crossed}).time, machine.alone(crossed).time);
  }
}

TEST(ContendedCost, AloneIsWhatTheLibraryTakesWithItsOwnMessagesOnTheLinks) {
  const Machine machine(two_switches());
  const CollectiveRequest all{Kind::kAllToAll, {0, 1, 2, 3}, 1_GiB};
  for (const CollectiveLibrary library : {CollectiveLibrary::kNccl, CollectiveLibrary::kVllm})
    EXPECT_EQ(cost_alone(machine.model, machine.network, library, all, LaunchMode::kGraph).time,
              machine.contended({all}).time);
}

// A pair with a bridge and one without: what the latter takes, in either order, and not the
// former's time stretched by as much as the latter's flows are longer.
TEST(ContendedCost, OfGroupsOnDifferentWiringTheSlowerCounts) {
  Rig rig = rig_of(4, a6000());
  rig.cables.push_back({NodeId{0}, NodeId{1}, "nvlink3x4", 51_GBps, 7us, CableKind::kNvlink});
  const Machine machine(rig);
  const CollectiveRequest fast{Kind::kAllReduce, {0, 1}, 64_MiB};
  const CollectiveRequest slow{Kind::kAllReduce, {2, 3}, 64_MiB};
  ASSERT_LT(machine.alone(fast).time, machine.alone(slow).time);
  EXPECT_EQ(machine.contended({fast, slow}).time, machine.alone(slow).time);
  EXPECT_EQ(machine.contended({slow, fast}).time, machine.alone(slow).time);
}

TEST(ContendedCost, AnEagerFloorStays) {
  const Machine machine(two_switches());
  const CollectiveRequest small{Kind::kAllReduce, {0, 2}, 8_B};
  EXPECT_EQ(
      contended_cost(machine.model, machine.network, std::vector{small}, LaunchMode::kEager).time,
      20us);
}

TEST(ContendedCost, RefusesUnlikeGroups) {
  const Machine machine(two_switches());
  EXPECT_THROW((void)machine.contended({}), std::invalid_argument);
  EXPECT_THROW((void)machine.contended(
                   {{Kind::kAllReduce, {0, 2}, 1_MiB}, {Kind::kAllReduce, {1, 3}, 2_MiB}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::topology
