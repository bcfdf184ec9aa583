#include "workloads/deployment_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>
#include <string>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

using namespace sim::literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string complaint(const DeploymentRequest& request) {
  try {
    (void)deploy(request);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(Deploy, RefusesTensorParallelOfAnEngineWithoutIt) {
  DeploymentRequest request = toy_request(2);
  request.plan = {.tp = 2};
  EXPECT_THAT(complaint(request),
              AllOf(HasSubstr("tp=2"), HasSubstr("toy"), HasSubstr("allowed is tp=1")));
}

TEST(Deploy, RefusesReplicasThatShareAHostsCpu) {
  DeploymentRequest request = toy_request(2);
  request.plan = {.dp = 2};
  EXPECT_EQ(complaint(request), "");
  request.plan.gpu_layers = 2;
  EXPECT_THAT(complaint(request), AllOf(HasSubstr("dp=2"), HasSubstr("allowed is dp=1")));
}

TEST(Deploy, RefusesExpertParallel) {
  DeploymentRequest request = known_request("mixtral-8x7b", "Q4_K_M", 2);
  request.engine.tensor_parallel = true;
  request.plan = {.tp = 2, .ep = 2};
  EXPECT_THAT(complaint(request), AllOf(HasSubstr("ep=2"), HasSubstr("allowed is ep=1")));
}

TEST(Deploy, RefusesMoreStagesThanDevices) {
  DeploymentRequest request = toy_request(2);
  request.plan = layer_split(3);
  EXPECT_THAT(complaint(request), AllOf(HasSubstr("3"), HasSubstr("2")));
}

TEST(Deploy, NeedsAHostCpuForHostLayers) {
  DeploymentRequest request = toy_request(1);
  request.rig.host.cpu.reset();
  EXPECT_EQ(complaint(request), "");
  request.plan.gpu_layers = 2;
  EXPECT_THAT(complaint(request),
              AllOf(HasSubstr("toys"), HasSubstr("host.cpu"), HasSubstr("not given")));
}

TEST(Deploy, NeedsAnEngineForTheDevices) {
  DeploymentRequest request = toy_request(1);
  request.engine.backends.erase(request.engine.backends.begin());  // CUDA
  EXPECT_THAT(complaint(request), AllOf(HasSubstr("toy"), HasSubstr("cuda")));
}

// Equal cards and 4 layers and a head: slots 0, 1, 2 of 5 before the half.
TEST(Deploy, PutsOneStageOnEachDevice) {
  const Deployment d = deploy(toy_request(2));
  ASSERT_EQ(d.stages.size(), 2U);
  EXPECT_EQ(d.stages[0].first_layer, 0);
  EXPECT_EQ(d.stages[0].layer_count, 3);
  EXPECT_FALSE(d.stages[0].has_head);
  EXPECT_THAT(d.stages[0].devices, ElementsAre(0U));
  EXPECT_EQ(d.stages[1].first_layer, 3);
  EXPECT_EQ(d.stages[1].layer_count, 1);
  EXPECT_TRUE(d.stages[1].has_head);
  EXPECT_THAT(d.stages[1].devices, ElementsAre(1U));
  EXPECT_EQ(d.tensor_parallel(), 1);
}

// -ngl 3 of 4 layers: layer 0 and the head stay with the host, around the card's.
TEST(Deploy, PutsHostLayersFirstAndTheHostsHeadLast) {
  DeploymentRequest request = toy_request(1);
  request.plan.gpu_layers = 3;
  const Deployment d = deploy(request);
  ASSERT_EQ(d.stages.size(), 3U);
  EXPECT_TRUE(d.stages[0].on_host);
  EXPECT_EQ(d.stages[0].layer_count, 1);
  EXPECT_FALSE(d.stages[1].on_host);
  EXPECT_EQ(d.stages[1].first_layer, 1);
  EXPECT_FALSE(d.stages[1].has_head);
  EXPECT_TRUE(d.stages[2].on_host);
  EXPECT_TRUE(d.stages[2].has_head);
  EXPECT_EQ(d.stages[2].layer_count, 0);
  EXPECT_EQ(d.host_device.name, "toy-cpu");
}

TEST(Deploy, LeavesOutStagesWithoutLayers) {
  DeploymentRequest request = toy_request(3);
  request.plan.gpu_layers = 1;  // of 4, no head: one slot for three cards
  const Deployment d = deploy(request);
  ASSERT_EQ(d.stages.size(), 3U);
  EXPECT_FALSE(d.stages[1].on_host);
  EXPECT_EQ(d.stages[1].layer_count, 1);
}

TEST(Deploy, GroupsDevicesForTensorParallel) {
  DeploymentRequest request = toy_request(4);
  request.engine.tensor_parallel = true;
  request.plan = {.tp = 2, .pp = 2};
  const Deployment d = deploy(request);
  ASSERT_EQ(d.stages.size(), 2U);
  EXPECT_THAT(d.stages[0].devices, ElementsAre(0U, 1U));
  EXPECT_THAT(d.stages[1].devices, ElementsAre(2U, 3U));
  EXPECT_EQ(d.tensor_parallel(), 2);
}

// Half the clock: half the matrix rate, twice the fixed cost; memory by its own curve.
TEST(SetClocks, RatesEachDeviceAnew) {
  Deployment d = deploy(toy_request(2));
  const DeviceRates full = d.rates[0];
  set_clocks(d, std::array{1.0, 0.5});
  EXPECT_EQ(d.rates[0].matrix_flops, full.matrix_flops);
  EXPECT_EQ(d.rates[0].bandwidth, full.bandwidth);
  EXPECT_DOUBLE_EQ(d.rates[1].matrix_flops, full.matrix_flops / 2);
  EXPECT_DOUBLE_EQ(d.rates[1].launch_seconds, full.launch_seconds * 2);
  EXPECT_LT(d.rates[1].bandwidth, full.bandwidth);
  EXPECT_GT(d.rates[1].bandwidth, full.bandwidth / 2);
  EXPECT_THROW(set_clocks(d, std::array{1.0}), std::logic_error);
}

TEST(IsPowerLimited, BelowTheDatasheetOnly) {
  topology::Rig rig = toy_rig(2);
  EXPECT_FALSE(is_power_limited(rig));
  rig.devices[1].power_limit = 300_W;
  EXPECT_FALSE(is_power_limited(rig));
  rig.devices[1].power_limit = 299_W;
  EXPECT_TRUE(is_power_limited(rig));
}

TEST(MemoryRequestOf, CarriesTheRigAndTheEngine) {
  DeploymentRequest request = toy_request(2);
  request.batch = 3;
  request.rig.host.memory = 64_GiB;
  const MemoryRequest memory = memory_request(request);
  EXPECT_EQ(memory.devices.size(), 2U);
  EXPECT_EQ(memory.context, 8192);
  EXPECT_EQ(memory.batch, 3);
  EXPECT_EQ(memory.host_memory, 64_GiB);
  request.rig.host.memory = {};
  EXPECT_FALSE(memory_request(request).host_memory.has_value());
}

}  // namespace
}  // namespace rigsim::workloads
