#include "workloads/tensor_lowering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <vector>

#include "tests/workloads/toy_deployment.h"
#include "workloads/expert_kernels.h"

namespace rigsim::workloads {
namespace {

DeploymentRequest fused_request(int gpus, const ParallelPlan& plan) {
  DeploymentRequest request = toy_request(gpus);
  request.engine.style = KernelStyle::kFused;
  request.engine.tensor_parallel = true;
  request.plan = plan;
  return request;
}

/// The toy with 8 experts of 512, two for each token.
DeploymentRequest moe_request(int gpus, const ParallelPlan& plan) {
  DeploymentRequest request = fused_request(gpus, plan);
  request.model.family = ModelFamily::kMoe;
  request.model.experts = Experts{.count = 8, .active = 2, .intermediate = 512};
  return request;
}

/// Ops of one name.
std::vector<OpInfo> named(const PassGraph& pass, std::string_view name) {
  std::vector<OpInfo> found;
  for (const OpInfo& info : pass.ops) {
    if (info.name == name) found.push_back(info);
  }
  return found;
}

// Two ranks add up their halves of the embedding, and after attention and after the FFN of each of
// 4 layers: 9 times 2 (2 - 1) steps of two copies each, of half the hidden state. Then each sends
// the other its half of the logits.
TEST(TensorParallel, ReducesTwiceALayer) {
  const PassGraph pass = lower_decode(deploy(fused_request(2, {.tp = 2})), 100, 1);
  const auto sums = named(pass, "all_reduce");
  EXPECT_EQ(sums.size(), 9U * 2 * 2);
  for (const OpInfo& copy : sums) EXPECT_EQ(copy.bytes, 1024 * 2 / 2);
  const auto logits = named(pass, "all_gather");
  EXPECT_EQ(logits.size(), 2U);
  for (const OpInfo& copy : logits) EXPECT_EQ(copy.bytes, 1000 * 2 / 2);
}

// llama.cpp's tensor split of 4 layers of experts: a sum behind attention and one behind the
// experts.
TEST(TensorSplit, AddsUpBehindTheExpertsToo) {
  DeploymentRequest request = toy_request(2);
  request.model.family = ModelFamily::kMoe;
  request.model.experts = Experts{.count = 8, .active = 2, .intermediate = 512};
  request.engine.splits = {SplitMode::kLayer, SplitMode::kTensor};
  request.plan = {};
  request.plan.tp = 2;
  request.plan.split = SplitMode::kTensor;
  EXPECT_EQ(named(lower_decode(deploy(request), 100, 1), "all_reduce").size(), 4U * 2);
}

// The two halves of an all-reduce on their own: 9 reduce-scatters and 9 all-gathers of n - 1 = 1
// step of two copies; the norms of layers work on 128 of 256 tokens.
TEST(SequenceParallel, SplitsEachAllReduce) {
  const PassGraph pass =
      lower_prompt(deploy(fused_request(2, {.tp = 2, .sequence_parallel = true})), 256, 1);
  EXPECT_EQ(named(pass, "reduce_scatter").size(), 9U * 2);
  EXPECT_EQ(named(pass, "all_gather").size(), (9U + 1) * 2);
  EXPECT_TRUE(named(pass, "all_reduce").empty());
  for (const OpInfo& norm : named(pass, "ffn_norm")) EXPECT_EQ(norm.bytes, 128 * 1024 * 2 * 4);
}

// Each of two ranks sends half of hidden state and residual (3 tokens x 1,024 x 2 bytes each) to
// its like, and the receivers gather both.
TEST(TensorAndPipelineParallel, SendsShares) {
  const PassGraph pass =
      lower_decode(deploy(fused_request(4, {.tp = 2, .pp = 2, .in_flight = 1})), 100, 3);
  const auto sent = named(pass, "hidden_state");
  ASSERT_EQ(sent.size(), 2U);
  for (const OpInfo& copy : sent) EXPECT_EQ(copy.bytes, 2 * 3 * 1024 * 2 / 2);
  EXPECT_EQ(sent[0].source, 0U);
  EXPECT_EQ(sent[0].place, 2U);
  EXPECT_EQ(sent[1].source, 1U);
  EXPECT_EQ(sent[1].place, 3U);
  EXPECT_EQ(named(pass, "all_gather").size(), 2U * 2 + 2);  // and the logits
}

TEST(Placement, PutsPositionsOnTheDevicesNamed) {
  const Deployment d = deploy(fused_request(4, {.tp = 2, .pp = 2, .devices = {0, 2, 1, 3}}));
  ASSERT_EQ(d.stages.size(), 2U);
  EXPECT_EQ(d.stages[0].devices, (std::vector<std::uint32_t>{0, 2}));
  EXPECT_EQ(d.stages[1].devices, (std::vector<std::uint32_t>{1, 3}));
}

// Two replicas of one device do in the same time what one device does with half of the sequences.
TEST(DataParallel, SharesTheSequences) {
  const Deployment two = deploy(fused_request(2, {.dp = 2}));
  const Deployment one = deploy(fused_request(1, {}));
  EXPECT_EQ(makespan(lower_decode(two, 100, 8)), makespan(lower_decode(one, 100, 4)));
  EXPECT_EQ(makespan(lower_prompt(two, 300, 6)), makespan(lower_prompt(one, 300, 3)));
  EXPECT_EQ(makespan(lower_decode(two, 100, 1)), makespan(lower_decode(one, 100, 1)));
  EXPECT_EQ(sequences_by_replica(two, 5), (std::vector<std::int64_t>{3, 2}));
}

// Experts whole on one of two devices of a replica: half of the weights on each, as when each
// expert is cut in two, and the same exchange.
TEST(ExpertParallel, WithinAReplicaExchangesAsTensorParallelDoes) {
  const PassGraph cut = lower_decode(deploy(moe_request(2, {.tp = 2})), 100, 64);
  const PassGraph whole = lower_decode(deploy(moe_request(2, {.tp = 2, .ep = 2})), 100, 64);
  EXPECT_EQ(named(whole, "all_reduce").size(), named(cut, "all_reduce").size());
  EXPECT_TRUE(named(whole, "dispatch").empty());
  double flops_cut = 0;
  double flops_whole = 0;
  for (const OpInfo& info : cut.ops) flops_cut += info.flops;
  for (const OpInfo& info : whole.ops) flops_whole += info.flops;
  // The router, 1,024 x 8 for each of 64 tokens in 4 layers, is whole on both devices.
  EXPECT_NEAR(flops_whole - flops_cut, 2.0 * 64 * 1024 * 8 * 4, 1e-6 * flops_cut);
}

// Two replicas of one device with 4 tokens each: all 8 tokens go to two experts each; each device's
// 4 experts get half of those 16 rows. Each sends 4 tokens twice, of 1,024 x 2 bytes, there and
// back, half of it to itself.
TEST(ExpertParallel, AcrossReplicasSendsTokensToTheirExperts) {
  const PassGraph pass = lower_decode(deploy(moe_request(2, {.dp = 2, .ep = 2})), 100, 8);
  const auto sent = named(pass, "dispatch");
  EXPECT_EQ(sent.size(), 4U * 2);
  EXPECT_EQ(named(pass, "combine").size(), 4U * 2);
  for (const OpInfo& copy : sent) EXPECT_EQ(copy.bytes, 4 * 2 * 1024 * 2 / 2);
  const auto down = named(pass, "expert_down");
  EXPECT_EQ(down.size(), 4U * 2);
  for (const OpInfo& kernel : down) EXPECT_EQ(kernel.flops, 2.0 * 8 * 512 * 1024);
}

// The same where all devices gather all tokens: of 8 tokens 1,024 x 2 bytes, and two experts'
// numbers and weights of 4 bytes each; the sums of the 8 come back.
TEST(ExpertParallel, GathersAllTokensWhereTheEngineDoes) {
  DeploymentRequest request = moe_request(2, {.dp = 2, .ep = 2});
  request.engine.gathers_for_experts = true;
  const PassGraph pass = lower_decode(deploy(request), 100, 8);
  const auto sent = named(pass, "dispatch");
  EXPECT_EQ(sent.size(), 4U * 2);
  for (const OpInfo& copy : sent) EXPECT_EQ(copy.bytes, 8 * (1024 * 2 + 2 * 8) / 2);
  const auto back = named(pass, "combine");
  EXPECT_EQ(back.size(), 4U * 2);
  for (const OpInfo& copy : back) EXPECT_EQ(copy.bytes, 8 * 1024 * 2 / 2);
}

// A step of both replicas, each of 4 tokens: what a decode step of 8 sequences does to the experts,
// unless told of other tokens.
TEST(ExpertParallel, AStepIsOfAllReplicasThatShareExperts) {
  const Deployment d = deploy(moe_request(2, {.dp = 2, .ep = 2}));
  const auto rows = [&](std::int64_t expert_tokens) {
    const auto down = named(lower_step(d, 4, 1, expert_tokens), "expert_down");
    EXPECT_EQ(down.size(), 4U * 2);
    return down.front().flops / (2.0 * 512 * 1024);
  };
  EXPECT_EQ(rows(0), 8);
  EXPECT_EQ(rows(16), 16);
  EXPECT_EQ(rows(2), 2);
  EXPECT_THROW((void)lower_step(deploy(moe_request(2, {.dp = 2})), 4, 1), std::invalid_argument);
}

// Two tokens of two replicas touch 8 (1 - (1 - 2/8)^2) = 3.5 of the 8 experts, each device reads
// half of these: 1.75 x 512 x 1,024 x 2 bytes; one token alone touches 2, of which each reads one.
TEST(ExpertParallel, EachDeviceReadsItsShareOfTheTouchedExperts) {
  const Deployment d = deploy(moe_request(2, {.dp = 2, .ep = 2}));
  const auto read = [&](std::int64_t expert_tokens) {
    PassShape shape;
    shape.expert_parallel = 2;
    shape.expert_tokens = expert_tokens;
    for (const Kernel& kernel :
         expert_kernels(d.model, d.weights.layers[0], 0, shape, d.backends[0])) {
      if (kernel.name == "expert_down") return kernel.weight_bytes;
    }
    return 0.0;
  };
  EXPECT_DOUBLE_EQ(read(2), 1.75 * 512 * 1024 * 2);
  EXPECT_DOUBLE_EQ(read(1), 1.0 * 512 * 1024 * 2);
}

// The busiest device gets 1.5 times the mean, the other one half of it; the exchange waits for it.
TEST(ExpertParallel, AnUnevenLoadMakesTheFirstDeviceBusy) {
  const PassGraph pass =
      lower_decode(deploy(moe_request(2, {.dp = 2, .ep = 2, .expert_imbalance = 1.5})), 100, 8);
  for (const OpInfo& kernel : named(pass, "expert_down"))
    EXPECT_EQ(kernel.flops, (kernel.place == 0 ? 1.5 : 0.5) * 2 * 8 * 512 * 1024);
  for (const OpInfo& copy : named(pass, "dispatch"))
    EXPECT_EQ(copy.bytes, 1.5 * 4 * 2 * 1024 * 2 / 2);
}

// 3 sequences on two replicas that share their experts: the second has 1, both compute for all.
TEST(ExpertParallel, AReplicaWithoutTokensStillComputesForTheOthers) {
  const PassGraph pass = lower_decode(deploy(moe_request(2, {.dp = 2, .ep = 2})), 100, 1);
  EXPECT_EQ(named(pass, "expert_down").size(), 4U * 2);
  EXPECT_EQ(named(pass, "attn_output").size(), 4U);
}

// Two equal stages and two batches in flight: while one batch is in the second stage the other is
// in the first, so both stages always work and a step of all takes as long as one batch's.
TEST(BatchesInFlight, FillThePipeline) {
  ParallelPlan plan{.pp = 2};
  plan.balance = StageBalance::kEven;
  DeploymentRequest request = fused_request(2, plan);
  Deployment d = deploy(request);
  d.stages.back().has_head = false;
  EXPECT_EQ(batches_in_flight(d, 8), 2);
  EXPECT_EQ(batches_in_flight(d, 1), 1);
  const PassGraph two = lower_decode(d, 100, 8);
  sim::Executor executor(two.graph);
  const sim::Costs costs = even_costs(two);
  executor.run(costs);
  const PassWindow window = window_of(two, executor, sim::Time{});
  d.plan.in_flight = 1;
  const PassGraph one = lower_decode(d, 100, 8);
  // 9 kernels of 1 us in each of 4 layers, two copies' fixed cost of 12 us hidden or not: one batch
  // takes 36 + 12 us, two take the longer of that and 2 x 18 us.
  EXPECT_EQ(makespan(one, even_costs(one)), std::chrono::microseconds(36 + 12));
  EXPECT_EQ(window.end - window.begin, std::chrono::microseconds(36 + 12));
}

// The same with two devices in each stage: whatever the exchanges take, while the second stage
// works on the first micro-batch of a prompt the first works on the second, not on both at once.
TEST(TensorAndPipelineParallel, StagesWorkOnDifferentMicroBatches) {
  ParallelPlan plan{.tp = 2, .pp = 2};
  plan.balance = StageBalance::kEven;
  const Deployment d = deploy(fused_request(4, plan));
  const PassGraph pass = lower_prompt(d, 2 * 512, 1);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  sim::Time first_ends{};
  sim::Time second_begins = sim::Time::max();
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& info = pass.ops[i];
    if (info.op_class != OpClass::kKernel || info.place != 0) continue;
    if (info.micro_batch == 0)
      first_ends = std::max(first_ends, executor.finished(sim::OpId{i}));
    else
      second_begins = std::min(second_begins, executor.started(sim::OpId{i}));
  }
  EXPECT_GE(second_begins, first_ends);
}

}  // namespace
}  // namespace rigsim::workloads
