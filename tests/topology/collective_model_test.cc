#include "topology/collective_model.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <stdexcept>

#include "tests/topology/devices.h"
#include "tests/topology/nccl_numbers.h"
#include "topology/collective_table.h"
#include "topology/vllm_all_reduce.h"

namespace rigsim::topology {
namespace {

using namespace std::chrono_literals;
using namespace sim::literals;
using namespace testing;

constexpr LaunchMode kBackToBack = LaunchMode::kGraph;

CollectiveTable table(CollectiveLibrary library, std::uint32_t ranks) {
  return {library,
          CollectiveKind::kAllReduce,
          LaunchMode::kGraph,
          ranks,
          {{1_KiB, 10us}, {4_KiB, 20us}, {1_MiB, 100us}}};
}

CollectiveProfile small_profile() {
  CollectiveProfile out;
  out.nccl = round_constants();
  out.shape = {1, 1, 0.5};
  out.family = {{7us, 1us, 4us, 0.5, 1, 0.5},
                {8us, 2us, 6us, 0.5, 1, 0.5},
                {6us, 3us, 9us, 0.25, 0.5, 0.5},
                0.5,
                20us};
  CollectiveMachine machine;
  machine.name = "a100";
  machine.devices = {"a100-80gb-sxm"};
  machine.chips = {"GA100"};
  machine.link = CollectiveLink::kNvlink;
  machine.bus = 240_GBps;
  machine.fit = {9us, 1us, 4us, 0.5, 1, 0.5};
  machine.error_p90 = 0.2;
  machine.eager_floor = 40us;
  machine.tables = {table(CollectiveLibrary::kNccl, 2), table(CollectiveLibrary::kVllm, 2)};
  out.machines.push_back(machine);
  out.vllm.base = 4us;
  out.vllm.per_rank = 500ns;
  out.vllm.port_share = 0.5;
  out.vllm.one_shot_small_world = 512_KiB;
  out.vllm.one_shot_large_world = 256_KiB;
  out.vllm.most = 8_MiB;
  out.vllm.limits = {{NcclGeneration::kHopper, 8, 256_KiB, 64_MiB}};
  out.table_error_p90 = 0.1;
  return out;
}

CollectiveRequest all_reduce(std::uint32_t ranks, sim::Bytes size) {
  CollectiveRequest request{CollectiveKind::kAllReduce, {}, size};
  for (std::uint32_t i = 0; i < ranks; ++i) request.devices.push_back(i);
  return request;
}

TEST(CollectiveTable, KnowsWhereASizeStands) {
  const CollectiveTable t = table(CollectiveLibrary::kNccl, 2);
  EXPECT_EQ(find_spot(t, 2_KiB).below.size, 1_KiB);
  EXPECT_DOUBLE_EQ(find_spot(t, 2_KiB).share, 0.5);  // log2: 10 to 12
  EXPECT_TRUE(find_spot(t, 4_KiB).inside);
  EXPECT_FALSE(find_spot(t, 512_B).inside);
  EXPECT_FALSE(find_spot(t, 2_MiB).inside);
}

// Twice the model at one end, half at the other: the model itself in the middle.
TEST(CollectiveTable, ScalesTheModelBetweenItsPoints) {
  const TableSpot spot{{1_KiB, 10us}, {4_KiB, 10us}, 0.5, true};
  EXPECT_EQ(at_spot(spot, 5us, 20us, 7us), 7us);
}

TEST(CollectiveModel, ReadsTheTableOfTheSameMachine) {
  const Rig rig = rig_of(2, a100_sxm());
  const CollectiveProfile profile = small_profile();
  const CollectiveModel model(rig, profile);
  const CollectiveCost cost = model.cost(all_reduce(2, 4_KiB), LaunchMode::kGraph);
  EXPECT_NEAR(sim::to_seconds(cost.time), 20e-6, 1e-12);
  EXPECT_TRUE(cost.measured);
  EXPECT_EQ(cost.evidence, CollectiveEvidence::kMeasured);
  EXPECT_EQ(cost.error_p90, 0.1);
  const CollectiveCost beyond = model.cost(all_reduce(2, 2_MiB), LaunchMode::kGraph);
  EXPECT_FALSE(beyond.measured);
  EXPECT_EQ(beyond.evidence, CollectiveEvidence::kFitted);
}

TEST(CollectiveModel, ATableIsForItsWiringOnly) {
  const CollectiveProfile profile = small_profile();
  const Rig four = rig_of(4, a100_sxm());
  EXPECT_FALSE(CollectiveModel(four, profile).cost(all_reduce(4, 4_KiB), kBackToBack).measured);
  EXPECT_TRUE(CollectiveModel(four, profile).cost(all_reduce(2, 4_KiB), kBackToBack).measured);
  Rig narrow = rig_of(2, a100_sxm());
  for (Cable& cable : narrow.cables) cable.per_direction = cable.per_direction / 2;
  const CollectiveCost cost =
      CollectiveModel(narrow, profile).cost(all_reduce(2, 4_KiB), kBackToBack);
  EXPECT_EQ(cost.evidence, CollectiveEvidence::kFitted);
}

// No fit for GA102 over PCIe: the family's. LL: 8 + 2 x 2 us, (1 + 0.5/2) 1 KB / (24 x 0.5).
TEST(CollectiveModel, StrangersTakeTheFamilysNumbers) {
  const Rig rig = rig_of(2, a6000());
  const CollectiveProfile profile = small_profile();
  const CollectiveCost cost =
      CollectiveModel(rig, profile).cost(all_reduce(2, 1_kB), LaunchMode::kGraph);
  EXPECT_NEAR(sim::to_seconds(cost.time), 12e-6 + 1.25 * 1e3 / 12e9, 1e-11);
  EXPECT_EQ(cost.evidence, CollectiveEvidence::kFamily);
  EXPECT_EQ(cost.error_p90, 0.5);
}

// Without peer access every hop goes through host memory. LL: 6 + 2 x 3 us, 1.25 x 1 KB / (24 x 0.5
// through host memory x 0.25).
TEST(CollectiveModel, WithoutPeerAccessHostMemorysNumbersHold) {
  const Rig rig = rig_of(2, rtx_4090());
  const CollectiveProfile profile = small_profile();
  const CollectiveCost cost =
      CollectiveModel(rig, profile).cost(all_reduce(2, 1_kB), LaunchMode::kGraph);
  EXPECT_NEAR(sim::to_seconds(cost.time), 12e-6 + 1.25 * 1e3 / 3e9, 1e-11);
  EXPECT_EQ(cost.evidence, CollectiveEvidence::kFamily);
}

TEST(CollectiveModel, EagerLaunchesHaveAFloor) {
  const Rig rig = rig_of(2, a100_sxm());
  const CollectiveProfile profile = small_profile();
  const CollectiveModel model(rig, profile);
  EXPECT_EQ(model.cost(all_reduce(2, 4_KiB), LaunchMode::kEager).time, 40us);
  EXPECT_FALSE(model.cost(all_reduce(2, 4_KiB), LaunchMode::kEager).measured);
  EXPECT_GT(model.cost(all_reduce(2, 1_MiB), LaunchMode::kEager).time, 99us);
}

TEST(CollectiveModel, AForcedProtocolIsNotTheMeasuredOne) {
  const Rig rig = rig_of(2, a100_sxm());
  const CollectiveProfile profile = small_profile();
  const CollectiveCost cost =
      CollectiveModel(rig, profile)
          .cost(all_reduce(2, 4_KiB), LaunchMode::kGraph, std::nullopt, Protocol::kSimple);
  EXPECT_EQ(cost.protocol, Protocol::kSimple);
  EXPECT_FALSE(cost.measured);
}

TEST(CollectiveModel, RefusesNothingToSend) {
  const Rig rig = rig_of(2, a100_sxm());
  const CollectiveProfile profile = small_profile();
  EXPECT_THROW((void)CollectiveModel(rig, profile).cost(all_reduce(2, 0_B), LaunchMode::kGraph),
               std::invalid_argument);
}

NcclGraph joined(std::uint32_t ranks, bool nvlink) {
  NcclGraph graph;
  graph.path = nvlink ? NcclPath::kNvlink : NcclPath::kPcie;
  graph.ranks = graph.ranks_per_machine = ranks;
  graph.intra = 200_GBps;
  graph.fully_joined = nvlink;
  graph.peer_access = true;
  return graph;
}

TEST(VllmAllReduce, TakesOneShotTwoShotOrLeavesItToNccl) {
  const VllmAllReduce vllm = small_profile().vllm;
  EXPECT_EQ(vllm_algorithm(4_MiB, joined(2, false), vllm), Algorithm::kOneShot);
  EXPECT_EQ(vllm_algorithm(256_KiB, joined(4, true), vllm), Algorithm::kOneShot);
  EXPECT_EQ(vllm_algorithm(512_KiB, joined(4, true), vllm), Algorithm::kTwoShot);
  EXPECT_EQ(vllm_algorithm(256_KiB, joined(8, true), vllm), Algorithm::kTwoShot);
  EXPECT_EQ(vllm_algorithm(8_MiB, joined(8, true), vllm), std::nullopt);
  EXPECT_EQ(vllm_algorithm(1_KiB, joined(4, false), vllm), std::nullopt);  // PCIe alone
  EXPECT_EQ(vllm_algorithm(1_KiB, joined(3, true), vllm), std::nullopt);
  NcclGraph staged = joined(2, false);
  staged.peer_access = false;
  EXPECT_EQ(vllm_algorithm(1_KiB, staged, vllm), std::nullopt);
}

TEST(VllmAllReduce, HopperHandsLargeOnesToTheSwitch) {
  const VllmAllReduce vllm = small_profile().vllm;
  NcclGraph graph = joined(8, true);
  graph.generation = NcclGeneration::kHopper;
  graph.nvls = true;
  EXPECT_EQ(vllm_algorithm(256_KiB, graph, vllm), Algorithm::kTwoShot);
  EXPECT_EQ(vllm_algorithm(64_MiB, graph, vllm), Algorithm::kNvls);
  EXPECT_EQ(vllm_algorithm(128_MiB, graph, vllm), std::nullopt);
}

// 4 + 4 x 0.5 us; 3 x 100 kB over half of 200 GB/s. Two shots: 12 us; 2 x 3/4 x 1 MB over 100 GB/s.
TEST(VllmAllReduce, AddsUpByHand) {
  const VllmAllReduce vllm = small_profile().vllm;
  EXPECT_EQ(vllm_time(100_kB, Algorithm::kOneShot, joined(4, true), vllm), 9us);
  EXPECT_EQ(vllm_time(1_MB, Algorithm::kTwoShot, joined(4, true), vllm), 27us);
  EXPECT_THROW((void)vllm_time(1_MB, Algorithm::kRing, joined(4, true), vllm), std::logic_error);
}

TEST(CollectiveModel, VllmFallsBackToNccl) {
  const Rig rig = rig_of(2, a100_sxm());
  const CollectiveProfile profile = small_profile();
  const CollectiveModel model(rig, profile);
  const auto own = model.cost(CollectiveLibrary::kVllm, all_reduce(2, 4_KiB), LaunchMode::kGraph);
  EXPECT_EQ(own.library, CollectiveLibrary::kVllm);
  EXPECT_EQ(own.algorithm, Algorithm::kOneShot);
  EXPECT_TRUE(own.measured);
  const auto large = model.cost(CollectiveLibrary::kVllm, all_reduce(2, 8_MiB), LaunchMode::kGraph);
  EXPECT_EQ(large.library, CollectiveLibrary::kNccl);
}

}  // namespace
}  // namespace rigsim::topology
