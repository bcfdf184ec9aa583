#include "workloads/row_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "tests/workloads/toy_deployment.h"
#include "workloads/memory_plan.h"

namespace rigsim::workloads {
namespace {

using namespace sim::literals;
using testing::ElementsAre;
using testing::HasSubstr;

StoredTensor matrix(std::int64_t rows, std::int64_t cols, TensorType type) {
  const Tensor tensor{TensorRole::kFfnUp, 0, rows, cols, 1};
  return {tensor, type, stored_bytes(type, tensor)};
}

// ---- Rows

// 11008 / 3 = 3669.3 and 7338.7, each down to a multiple of 128: 28 x 128 = 3584, 57 x 128 = 7296.
TEST(RowRanges, AreWholeTilesOfBlockFormats) {
  EXPECT_THAT(row_ranges(11008, TensorType::kQ4_0, std::vector{24_GiB, 24_GiB, 24_GiB}),
              ElementsAre(RowRange{0, 3584}, RowRange{3584, 7296}, RowRange{7296, 11008}));
}

TEST(RowRanges, FollowTheDevicesMemory) {
  EXPECT_THAT(row_ranges(4096, TensorType::kF16, std::vector{24_GiB, 8_GiB}),
              ElementsAre(RowRange{0, 3072}, RowRange{3072, 4096}));
}

// 256 rows over 4 devices of one tile of 128: borders 64 -> 0, 128, 192 -> 128.
TEST(RowRanges, LeaveDevicesWithoutRowsOfSmallMatrices) {
  EXPECT_THAT(
      row_ranges(256, TensorType::kQ4_0, std::vector{8_GiB, 8_GiB, 8_GiB, 8_GiB}),
      ElementsAre(RowRange{0, 0}, RowRange{0, 128}, RowRange{128, 128}, RowRange{128, 256}));
}

TEST(RowRanges, RefuseDevicesWithoutMemory) {
  EXPECT_THROW((void)row_ranges(4096, TensorType::kF16, {}), std::invalid_argument);
  EXPECT_THROW((void)row_ranges(4096, TensorType::kF16, std::vector{8_GiB, 0_GiB}),
               std::invalid_argument);
}

// 4096 values in blocks of 32 make 128 blocks of 36 bytes; as 32-bit values 16384 bytes.
TEST(RowSplit, SendsActivationsAsTheProductTakesThem) {
  const StoredTensor weights = matrix(4096, 4096, TensorType::kQ4_0);
  EXPECT_EQ(row_input_bytes(weights, 2, true), sim::Bytes(2 * 128 * 36));
  EXPECT_EQ(row_input_bytes(weights, 2, false), sim::Bytes(2 * 4096 * 4));
  EXPECT_EQ(row_output_bytes(2048, 2), sim::Bytes(2 * 2048 * 4));
}

// 300 columns are padded to 512: 16 blocks of 36 bytes.
TEST(RowSplit, PadsQuantisedActivations) {
  EXPECT_EQ(row_input_bytes(matrix(128, 300, TensorType::kF16), 1, true), sim::Bytes(16 * 36));
}

// ---- Passes

DeploymentRequest row_request(int devices, double handover_us = 10) {
  DeploymentRequest request = toy_request(devices);
  request.engine.splits = {SplitMode::kLayer, SplitMode::kRow};
  request.engine.backends.front().row_handover_us = handover_us;
  request.plan = split_plan(SplitMode::kRow, devices);
  return request;
}

std::size_t named(const PassGraph& pass, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(pass.ops.begin(), pass.ops.end(),
                                                [&](const OpInfo& op) { return op.name == name; }));
}

sim::Duration decode_step(const DeploymentRequest& request) {
  return makespan(lower_decode(deploy(request), 100, 1));
}

constexpr std::size_t kProducts = 4 * 7 + 1;  // q, k, v, output, gate, up, down; and the head

// Every product waits twice: the other device for the main one, then the main one for the other.
TEST(RowSplit, HandsOverTwiceAProduct) {
  EXPECT_EQ(decode_step(row_request(2, 10)) - decode_step(row_request(2, 0)),
            2 * kProducts * std::chrono::microseconds(10));
}

// No link is faster or slower for it: the wait for an event is the host's, the copies are the
// link's.
TEST(RowSplit, AHandoverIsTheHostsTime) {
  const auto path = [](double handover_us) {
    const PassGraph pass = lower_decode(deploy(row_request(2, handover_us)), 100, 1);
    sim::Executor executor(pass.graph);
    executor.run(pass.graph.costs());
    return attribute(pass, executor, 2).critical_path;
  };
  EXPECT_NEAR(path(10).host_s - path(0).host_s, 2 * kProducts * 10e-6, 1e-12);
  EXPECT_NEAR(path(10).link_s, path(0).link_s, 1e-12);
  DeploymentRequest faster = row_request(2, 10);
  faster.scale.host = 2;
  EXPECT_EQ(decode_step(faster), decode_step(row_request(2, 5)));
}

// The main device's copies out follow one another by half a staged copy's 12 us.
TEST(RowSplit, ServesTheThirdDeviceHalfACopyLater) {
  const PassGraph pass = lower_decode(deploy(row_request(3)), 100, 1);
  EXPECT_EQ(named(pass, "row_input"), 2 * kProducts);
  EXPECT_EQ(named(pass, "row_output"), 2 * kProducts);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  std::vector<sim::Time> starts;
  for (std::size_t i = 0; i < pass.ops.size() && starts.size() < 2; ++i) {
    if (pass.ops[i].name == "row_input") starts.push_back(executor.started(sim::OpId(i)));
  }
  EXPECT_EQ(starts[1] - starts[0], std::chrono::microseconds(6));
}

// Norms, rotations, attention: on the first device alone; each device has its part of 29 products.
TEST(RowSplit, KeepsAllButTheProductsOnTheMainDevice) {
  const PassGraph pass = lower_decode(deploy(row_request(2)), 100, 1);
  for (const OpInfo& op : pass.ops) {
    if (op.op_class == OpClass::kKernel && op.cost.bound == Bound::kMemory && op.place == 1) {
      EXPECT_GT(op.bytes, 0) << op.name;
    }
  }
  const auto on = [&](std::uint32_t place) {
    return std::count_if(pass.ops.begin(), pass.ops.end(), [&](const OpInfo& op) {
      return op.op_class == OpClass::kKernel && op.place == place;
    });
  };
  EXPECT_EQ(on(1), std::ssize(std::vector<int>(kProducts)));
  EXPECT_GT(on(0), on(1));
  EXPECT_EQ(deploy(row_request(2)).tensor_parallel(), 1);
}

// F16 products send 32-bit activations: 1024 x 4 bytes to the query's product.
TEST(RowSplit, SendsFloatsToHalfPrecisionProducts) {
  const PassGraph pass = lower_decode(deploy(row_request(2)), 100, 1);
  const auto copy = std::find_if(pass.ops.begin(), pass.ops.end(),
                                 [](const OpInfo& op) { return op.name == "row_input"; });
  EXPECT_EQ(copy->bytes, 1024 * 4);
}

// 300 tokens: blocks of 128, 128 and 44 for each product; the head's one token is one block.
TEST(RowSplit, CutsPromptsIntoBlocks) {
  const PassGraph pass = lower_prompt(deploy(row_request(2)), 300, 1);
  EXPECT_EQ(named(pass, "row_input"), 28 * 3 + 1U);
}

// Peer access is off for more than 128 tokens at once.
TEST(RowSplit, StagesThePromptsOfPeersToo) {
  DeploymentRequest request = row_request(2);
  request.rig.peer_access = {{0, 1}, {1, 0}};
  const Deployment deployment = deploy(request);
  const auto staged = [](const PassGraph& pass) {
    return std::any_of(pass.ops.begin(), pass.ops.end(),
                       [](const OpInfo& op) { return op.staged; });
  };
  EXPECT_FALSE(staged(lower_prompt(deployment, 128, 1)));
  EXPECT_TRUE(staged(lower_prompt(deployment, 129, 1)));
  EXPECT_FALSE(staged(lower_decode(deployment, 500, 1)));
}

TEST(RowSplit, OfOneDeviceIsThatDevice) {
  EXPECT_EQ(decode_step(row_request(1)), decode_step(toy_request(1)));
}

// ---- Plans and memory

std::string refusal(const DeploymentRequest& request) {
  try {
    (void)deploy(request);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(RowSplit, IsRefusedWithTheReason) {
  DeploymentRequest experts = row_request(2);
  experts.model.experts = Experts{.count = 8, .active = 2, .intermediate = 512};
  EXPECT_THAT(refusal(experts), HasSubstr("not routed experts"));
  DeploymentRequest stages = row_request(2);
  stages.plan.pp = 2;
  stages.rig = toy_rig(4);
  EXPECT_THAT(refusal(stages), HasSubstr("one stage over all devices"));
  DeploymentRequest engine = row_request(2);
  engine.engine.splits = {SplitMode::kLayer};
  EXPECT_THAT(refusal(engine), HasSubstr("splits by layer only"));
}

// What one device would hold, less the other's rows; the cache stays on the first.
TEST(RowSplit, SharesWeightsButNotTheCache) {
  const MemoryPlan alone = plan_memory(memory_request(toy_request(1)));
  const MemoryPlan split = plan_memory(memory_request(row_request(2)));
  ASSERT_EQ(split.devices.size(), 2U);
  const MemoryItems& first = split.devices[0].items;
  const MemoryItems& second = split.devices[1].items;
  EXPECT_EQ(first.weights + second.weights, alone.devices[0].items.weights);
  EXPECT_EQ(first.kv_cache, alone.devices[0].items.kv_cache);
  EXPECT_EQ(second.kv_cache, 0_GiB);
  // Half of 4 layers x (1024 x (1024 + 256 + 256 + 1024) + 3 x 1024 x 2048) and of 1000 x 1024
  // weights, at two bytes.
  EXPECT_EQ(second.weights, sim::Bytes(4 * (1024 * 2560 + 3 * 1024 * 2048) + 1000 * 1024));
}

}  // namespace
}  // namespace rigsim::workloads
