#include "workloads/serving/host_kv.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

using testing::HasSubstr;

constexpr sim::Bytes kMib{1 << 20};

/// Blocks of 16 tokens: 2 x 2 x 128 numbers of 2 bytes a layer and token, 4 layers.
DeploymentRequest blocks_of_16(int gpus, const ParallelPlan& plan) {
  DeploymentRequest request = toy_request(gpus);
  request.engine.memory.kv_block_tokens = 16;
  request.engine.tensor_parallel = true;
  request.plan = plan;
  return request;
}

void expect_near(Ticks ticks, sim::Duration expected) {
  const double seconds = sim::to_seconds(expected);
  EXPECT_NEAR(to_seconds(ticks), seconds, seconds * 1e-6);
}

std::string refusal(const Deployment& deployment, sim::Bytes per_device, std::int32_t replicas) {
  try {
    check_host_memory(deployment, per_device, replicas);
    return "none";
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
}

// A block has 64 KiB; its keys and values of each layer are copies of 8 KiB, one after another.
TEST(HostKv, TakesWhatTheCopyRouteSays) {
  const Deployment deployment = deploy(blocks_of_16(1, {}));
  const HostKv host = host_kv(deployment, KvFormat::kF16, kMib, BlockLayout::kTensors);
  EXPECT_EQ(host.block_bytes, sim::Bytes(65'536));
  EXPECT_EQ(host.blocks, 16);
  ASSERT_EQ(host.stages.size(), 1U);
  const sim::Bytes copy(8'192);
  expect_near(host.stages[0].out, 8 * deployment.network.device_to_host(0).time(copy));
  expect_near(host.stages[0].in, 8 * deployment.network.host_to_device(0).time(copy));
  const BlockCopies both{3, 5};
  EXPECT_EQ(host.stages[0].of(both), 3 * host.stages[0].out + 5 * host.stages[0].in);
}

// Each of two devices has half of the heads, on a link of its own; each of two stages its layers:
// the one that has most of them decides how many blocks there are.
TEST(HostKv, IsSharedByTheDevicesOfAReplica) {
  for (const ParallelPlan& plan : {ParallelPlan{.tp = 2}, ParallelPlan{.pp = 2}}) {
    const Deployment deployment = deploy(blocks_of_16(2, plan));
    const HostKv host = host_kv(deployment, KvFormat::kF16, kMib, BlockLayout::kTensors);
    EXPECT_EQ(host.block_bytes, sim::Bytes(65'536));
    ASSERT_EQ(host.stages.size(), static_cast<std::size_t>(plan.pp));
    const std::int64_t tensor = 8'192 / plan.tp;
    std::int64_t most = 0;
    for (std::size_t s = 0; s < host.stages.size(); ++s) {
      const std::int64_t copies = 2 * deployment.stages[s].layer_count;
      most = std::max(most, copies);
      expect_near(host.stages[s].out,
                  copies * deployment.network.device_to_host(0).time(sim::Bytes(tensor)));
    }
    EXPECT_EQ(host.blocks, (1 << 20) / (most * tensor));
  }
}

// What a switch joins to its host shares that way: half the rate for each.
TEST(HostKv, SharesWhatTheDevicesShare) {
  DeploymentRequest request = blocks_of_16(2, {.tp = 2});
  const Deployment apart = deploy(request);
  topology::Rig& rig = request.rig;
  const auto at = [&](const std::string& name) {
    for (std::size_t i = 0; i < rig.nodes.size(); ++i) {
      if (rig.nodes[i].name == name) return static_cast<topology::NodeId>(i);
    }
    throw std::logic_error("no " + name);
  };
  topology::Node added;
  added.kind = topology::NodeKind::kPcieSwitch;
  added.name = "switch0";
  rig.nodes.push_back(added);
  topology::Cable up = rig.cables.front();
  for (topology::Cable& cable : rig.cables) {
    if (cable.a == at("host0")) cable.a = at("switch0");
    if (cable.b == at("host0")) cable.b = at("switch0");
  }
  up.a = at("host0");
  up.b = at("switch0");
  rig.cables.push_back(up);
  const Deployment shared = deploy(request);
  const Ticks alone = host_kv(apart, KvFormat::kF16, kMib, BlockLayout::kTensors).stages[0].out;
  const Ticks together = host_kv(shared, KvFormat::kF16, kMib, BlockLayout::kTensors).stages[0].out;
  const double bytes_s = 32'768 / up.per_direction.count();
  EXPECT_NEAR(to_seconds(together - alone), bytes_s + 8 * sim::to_seconds(up.latency), 1e-12);
}

TEST(HostKv, HasToFitTheHost) {
  DeploymentRequest request = blocks_of_16(2, {.tp = 2});
  constexpr sim::Bytes kGib{std::int64_t{1} << 30};
  request.rig.host.memory = 100 * kGib;
  const Deployment two = deploy(request);
  EXPECT_EQ(refusal(two, 35 * kGib, 1), "none");
  EXPECT_THAT(refusal(two, 36 * kGib, 1),
              HasSubstr("72.0 GiB for 2 devices; the rig's hosts have 100.0 GiB"));
  EXPECT_EQ(refusal(two, 25 * kGib, 2), "none");
  EXPECT_THAT(refusal(two, 26 * kGib, 2), HasSubstr("104.0 GiB for 4 devices"));
  request.rig.host.memory = {};
  EXPECT_EQ(refusal(deploy(request), 36 * kGib, 100), "none");
}

TEST(HostKv, NeedsDevicesWithAMemoryOfTheirOwn) {
  DeploymentRequest request = blocks_of_16(1, {});
  request.rig.devices[0].device = toy_cpu();
  request.rig.cables.clear();
  try {
    (void)host_kv(deploy(request), KvFormat::kF16, kMib, BlockLayout::kTensors);
    FAIL();
  } catch (const std::invalid_argument& problem) {
    EXPECT_THAT(problem.what(), HasSubstr("memory of their own"));
  }
}

}  // namespace
}  // namespace rigsim::workloads
