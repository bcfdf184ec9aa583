#include "workloads/pass_graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "tests/workloads/known_models.h"
#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

using sim::Bytes;
using sim::Duration;
using std::chrono::microseconds;

/// The makespan of `pass` when op `op` takes `more` longer.
Duration slowed(const PassGraph& pass, std::size_t op, Duration more) {
  sim::Costs costs = pass.graph.costs();
  costs.amount[op] += more.count();
  return makespan(pass, costs);
}

/// How long each op may take more without delaying the end, by the critical path method: the
/// longest way through it against the longest way of all. Right where no op waits for a resource
/// but in the order of the edges, and no transfers overlap.
std::vector<Duration> slacks(const PassGraph& pass) {
  const std::size_t n = pass.ops.size();
  sim::Executor executor(pass.graph);
  const sim::Time end = executor.run(pass.graph.costs());
  std::vector<sim::Time> latest(n, end);  // finish
  // Edges lead from lower to higher ids, except from a submission or a blocker.
  for (bool moved = true; moved;) {
    moved = false;
    for (std::size_t i = n; i-- > 0;) {
      for (const auto next : pass.graph.successors(sim::OpId(i))) {
        const Duration length = executor.finished(next) - executor.started(next);
        const sim::Time limit = latest[static_cast<std::size_t>(next)] - length;
        if (limit < latest[i]) {
          latest[i] = limit;
          moved = true;
        }
      }
    }
  }
  std::vector<Duration> slack(n);
  for (std::size_t i = 0; i < n; ++i) slack[i] = latest[i] - executor.finished(sim::OpId(i));
  return slack;
}

TEST(LowerDecode, OnOneDeviceTakesAsLongAsItsKernels) {
  const PassGraph pass = lower_decode(deploy(toy_request(1)), 100, 1);
  EXPECT_EQ(ops_of(pass, OpClass::kKernel).size(), pass.ops.size());
  EXPECT_EQ(makespan(pass), time_in(pass, OpClass::kKernel));
}

TEST(LowerPrompt, OnOneDeviceTakesAsLongAsItsKernels) {
  const PassGraph pass = lower_prompt(deploy(toy_request(1)), 1300, 1);
  EXPECT_EQ(ops_of(pass, OpClass::kKernel).size(), pass.ops.size());
  EXPECT_EQ(makespan(pass), time_in(pass, OpClass::kKernel));
}

// Each kernel: launches x 2 us + bytes / 1000 GB/s. attn_q of the toy in F16: 2 x 2 us + 1,024 x
// 1,024 x 2 bytes, which take 2.097152 us.
TEST(LowerDecode, PricesEachKernelByTheRoofline) {
  const PassGraph pass = lower_decode(deploy(toy_request(1)), 100, 1);
  const auto& q = pass.ops[1];
  EXPECT_EQ(q.name, "attn_q");
  EXPECT_EQ(q.layer, 0);
  EXPECT_EQ(q.cost.launch, microseconds(4));
  EXPECT_EQ(q.cost.body, Duration(2097152));
  EXPECT_EQ(q.bytes, 1024 * 1024 * 2);
}

// A boundary: 300 us of synchronisation, then 1,024 floats, staged: 12 us + 4,096 B / 22 GB/s =
// 12.186 us.
TEST(LowerDecode, OnTwoDevicesAddsTheBoundary) {
  const Deployment d = deploy(toy_request(2));
  const PassGraph pass = lower_decode(d, 100, 1);
  const Duration copy = d.network.route(0, 1).time(Bytes(4096));
  EXPECT_NEAR(static_cast<double>(copy.count()), 12.186182e6, 1);
  EXPECT_EQ(makespan(pass), time_in(pass, OpClass::kKernel) + microseconds(300) + copy);
}

TEST(LowerDecode, SaysWhatEachOpIs) {
  const PassGraph pass = lower_decode(deploy(toy_request(2)), 100, 3);
  const auto transfers = ops_of(pass, OpClass::kTransfer);
  ASSERT_EQ(transfers.size(), 1U);
  const OpInfo& transfer = pass.ops[transfers[0]];
  EXPECT_EQ(transfer.name, "hidden_state");
  EXPECT_EQ(transfer.source, 0U);
  EXPECT_EQ(transfer.place, 1U);
  EXPECT_EQ(transfer.bytes, 3 * 1024 * 4);
  EXPECT_TRUE(transfer.staged);
  ASSERT_EQ(ops_of(pass, OpClass::kSync).size(), 1U);
  EXPECT_EQ(pass.attention.size(), 4U);
  for (const auto op : pass.attention) EXPECT_EQ(pass.ops[op].name, "attention");
}

// A serial walk has no slack: every kernel, synchronisation and byte moves the end in full.
TEST(LowerDecode, MovesByWhatAnyOpOnThePathMoves) {
  const PassGraph pass = lower_decode(deploy(toy_request(3)), 100, 1);
  const Duration before = makespan(pass);
  for (std::size_t op = 0; op < pass.ops.size(); ++op) {
    if (pass.ops[op].op_class == OpClass::kTransfer) continue;
    EXPECT_EQ(slowed(pass, op, Duration(12345)), before + Duration(12345)) << pass.ops[op].name;
  }
}

// 22,000 bytes more at 22 GB/s are 1 us more.
TEST(LowerDecode, MovesByWhatATransferOnThePathMoves) {
  const PassGraph pass = lower_decode(deploy(toy_request(2)), 100, 1);
  const std::size_t op = ops_of(pass, OpClass::kTransfer)[0];
  EXPECT_NEAR(static_cast<double>(slowed(pass, op, Duration(22000)).count()),
              static_cast<double>((makespan(pass) + microseconds(1)).count()), 1);
}

// Three micro-batches over stages of one and three layers: the first device waits for the second
// most of the time. An op's delay is free until its slack is used, and then counts in full.
TEST(LowerPrompt, MovesOnlyByWhatExceedsAnOpsSlack) {
  DeploymentRequest request = toy_request(2);
  request.plan.layers_per_stage = {1, 3};
  const PassGraph pass = lower_prompt(deploy(request), 3 * 512, 1);
  const Duration before = makespan(pass);
  const std::vector<Duration> slack = slacks(pass);
  int on_path = 0;
  int off_path = 0;
  for (std::size_t op = 0; op < pass.ops.size(); ++op) {
    if (pass.ops[op].op_class == OpClass::kTransfer) continue;
    ASSERT_GE(slack[op], Duration::zero());
    (slack[op] == Duration::zero() ? on_path : off_path) += 1;
    EXPECT_EQ(slowed(pass, op, slack[op]), before) << op << " " << pass.ops[op].name;
    EXPECT_EQ(slowed(pass, op, slack[op] + Duration(777)), before + Duration(777)) << op;
  }
  EXPECT_GT(on_path, 100);
  EXPECT_GT(off_path, 100);
}

// Steps of an engine whose host prepares each for 1 ms: with one device nothing hides that, so a
// prompt of three steps pays three times.
TEST(LowerPrompt, PaysTheHostsStepForEachMicroBatch) {
  Deployment d = deploy(toy_request(1));
  const Duration bare = makespan(lower_prompt(d, 3 * 512, 1));
  d.backends[0].host_step_us = 1000;
  EXPECT_EQ(makespan(lower_prompt(d, 3 * 512, 1)), bare + microseconds(3000));
  EXPECT_EQ(makespan(lower_decode(d, 10, 1)),
            time_in(lower_decode(d, 10, 1), OpClass::kKernel) + microseconds(1000));
}

// With two stages the host runs ahead: it prepares the second step while the first one runs.
TEST(LowerPrompt, PreparesStepsInLaunchOrder) {
  Deployment d = equal_stages(2, 1);
  const PassGraph bare = lower_prompt(d, 2 * 512, 1);
  for (auto& backend : d.backends) backend.host_step_us = 10;
  const PassGraph pass = lower_prompt(d, 2 * 512, 1);
  sim::Costs costs = even_costs(pass);
  for (const std::size_t op : ops_of(pass, OpClass::kHostStep)) costs.amount[op] = 10'000'000;
  EXPECT_EQ(makespan(pass, costs), makespan(bare, even_costs(bare)) + microseconds(10));
}

// Prompts of 100 tokens go five at a time through micro-batches of 512: 12 of them take three.
TEST(LowerPrompt, PacksShortPromptsIntoMicroBatches) {
  const PassGraph pass = lower_prompt(deploy(toy_request(1)), 100, 12);
  EXPECT_EQ(pass.ops.back().micro_batch, 2U);
  const PassGraph longer = lower_prompt(deploy(toy_request(1)), 600, 3);
  EXPECT_EQ(longer.ops.back().micro_batch, 5U);  // 512 + 88, three times
}

// What a context of 8,192 in front costs more: attention, nothing else.
TEST(LowerPrompt, CachedContextLengthensAttentionAlone) {
  const Deployment d = deploy(toy_request(1));
  const PassGraph from_start = lower_prompt(d, 512, 1);
  const PassGraph behind = lower_prompt(d, 512, 1, 4096);
  ASSERT_EQ(from_start.ops.size(), behind.ops.size());
  for (std::size_t i = 0; i < behind.ops.size(); ++i) {
    const bool attention = behind.ops[i].name == "attn_scores" ||
                           behind.ops[i].name == "attn_values" || behind.ops[i].name == "softmax";
    if (attention) {
      EXPECT_GE(behind.ops[i].cost.total(), from_start.ops[i].cost.total());
    } else {
      EXPECT_EQ(behind.ops[i].cost.total(), from_start.ops[i].cost.total());
    }
  }
  EXPECT_GT(makespan(behind), makespan(from_start));
}

TEST(RepriceDecode, GivesWhatLoweringAnewGives) {
  for (const int gpus : {1, 3}) {
    const Deployment d = deploy(toy_request(gpus));
    PassGraph pass = lower_decode(d, 1, 2);
    sim::Costs costs = pass.graph.costs();
    for (const std::int64_t context : {1, 33, 500, 8000, 7}) {
      reprice_decode(pass, costs, d, context);
      const PassGraph fresh = lower_decode(d, context, 2);
      EXPECT_EQ(costs.amount, fresh.graph.costs().amount) << context;
      for (const auto op : pass.attention) {
        EXPECT_EQ(pass.ops[op].bytes, fresh.ops[op].bytes);
        EXPECT_EQ(pass.ops[op].flops, fresh.ops[op].flops);
        EXPECT_EQ(pass.ops[op].cost.body, fresh.ops[op].cost.body);
      }
    }
  }
}

// ---- Layers on the host

Deployment offloaded(int gpus, int gpu_layers) {
  DeploymentRequest request = toy_request(gpus);
  request.plan.gpu_layers = gpu_layers;
  return deploy(request);
}

// Two layers and the head on the host, two layers on the GPU: one boundary up, one down; the host
// computes at a tenth of the bandwidth.
TEST(OffloadedDecode, RunsHostLayersOnTheHost) {
  const Deployment d = offloaded(1, 2);
  const PassGraph pass = lower_decode(d, 100, 1);
  ASSERT_EQ(ops_of(pass, OpClass::kTransfer).size(), 2U);
  EXPECT_EQ(makespan(pass), time_in(pass, OpClass::kKernel) + microseconds(600) +
                                d.network.host_to_device(0).time(Bytes(4096)) +
                                d.network.device_to_host(0).time(Bytes(4096)));
  for (const std::size_t op : ops_of(pass, OpClass::kKernel)) {
    const OpInfo& info = pass.ops[op];
    EXPECT_EQ(info.place == kHostPlace, info.layer < 2) << info.name << " " << info.layer;
    if (info.name == "ffn_up") {
      // 2 launches + 2,048 x 1,024 x 2 bytes at 1000 or 100 GB/s
      EXPECT_EQ(info.cost.total(), info.layer < 2 ? Duration(2'000'000 + 41'943'040)
                                                  : Duration(4'000'000 + 4'194'304));
    }
  }
}

TEST(OffloadedDecode, OfAllLayersCrossesNoBoundary) {
  const PassGraph pass = lower_decode(offloaded(1, 0), 100, 1);
  EXPECT_EQ(ops_of(pass, OpClass::kKernel).size(), pass.ops.size());
  EXPECT_EQ(makespan(pass), time_in(pass, OpClass::kKernel));
  for (const OpInfo& info : pass.ops) EXPECT_EQ(info.place, kHostPlace);
}

// One layer of the toy in F16: norms 2 x 1,024 x 4, matrices 2 x (2 x 1,024^2 + 2 x 256 x 1,024 +
// 3 x 2,048 x 1,024).
TEST(OffloadedPrompt, CopiesHostLayersFrom32TokensOn) {
  const Deployment d = offloaded(1, 2);
  const PassGraph longer = lower_prompt(d, 32, 1);
  int copies = 0;
  for (const OpInfo& info : longer.ops) {
    if (info.name != "layer_weights") continue;
    ++copies;
    EXPECT_EQ(info.bytes, 8192 + 2 * (2 * 1048576 + 2 * 262144 + 3 * 2097152));
    EXPECT_EQ(info.source, kHostPlace);
    EXPECT_EQ(info.place, 0U);
  }
  EXPECT_EQ(copies, 2);
  for (const OpInfo& info : lower_prompt(d, 31, 1).ops) EXPECT_NE(info.name, "layer_weights");
}

// Even where no layer is at home on a GPU, a long prompt borrows the first.
TEST(OffloadedPrompt, BorrowsAGpuThatHoldsNothing) {
  int copies = 0;
  for (const OpInfo& info : lower_prompt(offloaded(1, 0), 512, 1).ops)
    copies += info.name == "layer_weights" ? 1 : 0;
  EXPECT_EQ(copies, 4);
}

// Copies wait for the device's work before them: two micro-batches copy every layer twice, never
// two at once.
TEST(OffloadedPrompt, CopiesOneLayerAtATime) {
  const PassGraph pass = lower_prompt(offloaded(1, 2), 1024, 1);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  sim::Time free{};
  int copies = 0;
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    if (pass.ops[i].name != "layer_weights") continue;
    ++copies;
    EXPECT_GE(executor.started(sim::OpId(i)), free);
    free = executor.finished(sim::OpId(i));
  }
  EXPECT_EQ(copies, 4);
}

}  // namespace
}  // namespace rigsim::workloads
