#include "workloads/placement_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "tests/workloads/toy_deployment.h"
#include "workloads/default_plan.h"

namespace rigsim::workloads {
namespace {

using namespace sim::literals;
using Devices = std::vector<std::uint32_t>;

/// Toys on a host, with a bridge of 50 GB/s between the two devices of each pair of `bridges`.
DeploymentRequest bridged(int gpus,
                          const std::vector<std::pair<std::uint32_t, std::uint32_t>>& bridges,
                          const ParallelPlan& plan) {
  DeploymentRequest request = toy_request(gpus);
  request.engine.style = KernelStyle::kFused;
  request.engine.tensor_parallel = true;
  request.plan = plan;
  for (const auto& [a, b] : bridges) {
    topology::Cable cable{topology::NodeId{a}, topology::NodeId{b}, "nvlink3x4", 50_GBps,
                          std::chrono::microseconds(1)};
    cable.kind = topology::CableKind::kNvlink;
    request.rig.cables.push_back(cable);
    request.rig.peer_access.push_back({a, b});
    request.rig.peer_access.push_back({b, a});
  }
  return request;
}

TEST(SearchPlacement, PutsEachTensorParallelPairOnABridge) {
  const ParallelPlan plan{.tp = 2, .pp = 2};
  EXPECT_EQ(search_placement(bridged(4, {{0, 1}, {2, 3}}, plan)), (Devices{0, 1, 2, 3}));
  EXPECT_EQ(search_placement(bridged(4, {{0, 3}, {1, 2}}, plan)), (Devices{0, 3, 1, 2}));
  EXPECT_EQ(search_placement(bridged(4, {{0, 2}}, {.tp = 2})), (Devices{0, 2}));
}

// A chain of bridges 0-2-1-3: stages follow it.
TEST(SearchPlacement, LetsStagesFollowTheBridges) {
  EXPECT_EQ(search_placement(bridged(4, {{0, 2}, {2, 1}, {1, 3}}, {.pp = 4})),
            (Devices{0, 2, 1, 3}));
}

TEST(SearchPlacement, KeepsTheRigsOrderAmongEquals) {
  EXPECT_EQ(search_placement(bridged(4, {}, {.tp = 2, .pp = 2})), (Devices{0, 1, 2, 3}));
}

TEST(SearchPlacement, FindsBridgesInLargeRigsGreedily) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> bridges;
  for (std::uint32_t i = 0; i < 5; ++i) bridges.emplace_back(i, i + 5);
  const auto request = bridged(10, bridges, {.tp = 2, .dp = 5});
  EXPECT_EQ(search_placement(request), (Devices{0, 5, 1, 6, 2, 7, 3, 8, 4, 9}));
}

TEST(SearchPlacement, LeavesDevicesOfAKindWhereTheyStand) {
  DeploymentRequest request = bridged(4, {{0, 3}, {1, 2}}, {.tp = 2, .pp = 2});
  request.rig.devices[2].power_limit = 200_W;
  request.rig.devices[3].power_limit = 200_W;
  EXPECT_EQ(search_placement(request), (Devices{0, 1, 2, 3}));
}

/// The least cost of all orders of the devices.
double least_cost(DeploymentRequest request) {
  Devices devices;
  for (std::uint32_t i = 0; i < request.rig.devices.size(); ++i) devices.push_back(i);
  double least = 1e9;
  do {
    request.plan.devices.assign(devices.begin(), devices.begin() + device_count(request.plan));
    least = std::min(least, placement_cost_s(request));
  } while (std::next_permutation(devices.begin(), devices.end()));
  return least;
}

// Against all 120 orders of five devices with three bridges.
TEST(SearchPlacement, IsAsGoodAsTryingAllOrders) {
  for (const ParallelPlan& plan : {ParallelPlan{.tp = 2, .pp = 2}, ParallelPlan{.tp = 2, .dp = 2},
                                   ParallelPlan{.pp = 4}, ParallelPlan{.tp = 4}}) {
    DeploymentRequest request = bridged(5, {{0, 4}, {1, 3}, {3, 4}}, plan);
    request.plan.devices = search_placement(request);
    EXPECT_DOUBLE_EQ(placement_cost_s(request), least_cost(request));
  }
}

// ---- The plan nobody asked for

// 12 heads: neither 8 nor 5 devices divide them; 4 do.
TEST(DefaultPlan, TakesTheLargestGroupThatDividesTheModel) {
  DeploymentRequest request = bridged(8, {}, {});
  request.model.heads = 12;
  request.model.kv_heads = 12;
  EXPECT_EQ(default_plan(request), (ParallelPlan{.tp = 4}));
  request.model.heads = 7;
  request.model.kv_heads = 7;
  EXPECT_EQ(default_plan(request), (ParallelPlan{}));
}

// 600 layers of 19 MB are 11.4 GB: on groups of two with 4 GiB each it takes two of them.
TEST(DefaultPlan, AddsStagesWhereTheMemoryNeedsThem) {
  DeploymentRequest request = bridged(5, {}, {});
  request.model.layers = 600;
  request.model.heads = 2;
  request.context = 64;
  for (auto& installed : request.rig.devices) installed.device.memory = 4_GiB;
  EXPECT_EQ(default_plan(request), (ParallelPlan{.tp = 2, .pp = 2}));
}

TEST(DefaultPlan, HasNoMoreStagesThanLayers) {
  EXPECT_EQ(default_plan(toy_request(6)), layer_split(4));
}

}  // namespace
}  // namespace rigsim::workloads
