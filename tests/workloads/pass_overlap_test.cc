#include "workloads/pass_overlap.h"

#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

using sim::Duration;
using std::chrono::microseconds;

// Two equal stages, one token, every kernel 1 us: stage 0 works k us, a boundary of 12 us, stage 1
// works k us. Nobody works during the copy.
TEST(PassOverlap, TheBoundaryOfADecodeStepIsExposed) {
  const PassGraph pass = lower_decode(equal_stages(2, 4), 100, 1);
  const sim::Costs costs = even_costs(pass);
  const Duration work = microseconds(kernels_per_stage(pass, 2, 1));
  sim::Executor executor(pass.graph);
  const Duration makespan = executor.run(costs).time_since_epoch();
  ASSERT_EQ(makespan, 2 * work + microseconds(12));

  const Overlap overlap = overlap_of(pass, executor, 2);
  EXPECT_EQ(overlap.copies, microseconds(12));
  EXPECT_EQ(overlap.hidden, Duration(0));
  EXPECT_EQ(overlap.exposed, microseconds(12));
  EXPECT_EQ(overlap.devices[1].computing, work);

  const auto bubbles = bubbles_of(pass, costs, makespan, 2);
  for (const StageBubble& stage : bubbles) {
    EXPECT_EQ(stage.busy, work);
    EXPECT_EQ(stage.transfer, microseconds(12));
    EXPECT_EQ(stage.imbalance, Duration(0));
  }
  EXPECT_EQ(bubbles[0].drain, work);
  EXPECT_EQ(bubbles[1].fill, work);
}

// Three micro-batches on two stages, k us each: 4 k and a boundary; the copies of the second and
// the third micro-batch run while both stages work.
TEST(PassOverlap, OnlyTheFirstBoundaryOfAPipelinedPromptIsExposed) {
  const PassGraph pass = lower_prompt(equal_stages(2, 8), 3 * 512, 1);
  const sim::Costs costs = even_costs(pass);
  const Duration work = microseconds(kernels_per_stage(pass, 2, 3));
  sim::Executor executor(pass.graph);
  const Duration makespan = executor.run(costs).time_since_epoch();
  ASSERT_EQ(makespan, 4 * work + microseconds(12));

  const Overlap overlap = overlap_of(pass, executor, 2);
  EXPECT_EQ(overlap.copies, microseconds(36));
  EXPECT_EQ(overlap.exposed, microseconds(12));
  EXPECT_EQ(overlap.hidden, microseconds(36));  // stage 0 is busy below the first and second one,
                                                // stage 1 below the third
  const auto bubbles = bubbles_of(pass, costs, makespan, 2);
  EXPECT_EQ(bubbles[0].busy, 3 * work);
  EXPECT_EQ(bubbles[0].drain, work);
  EXPECT_EQ(bubbles[1].fill, work);
  EXPECT_EQ(bubbles[1].transfer, microseconds(12));
}

// The prompt above with boundaries of 220 kB: 12 us of latency, then 10 us at 22 GB/s, which slow
// both ends by half. Stage 0 works below the first two copies and does 5 us of work in each, so it
// takes 5 us longer twice; stage 1 works below the last two. Without a slowdown nothing changes.
TEST(PassOverlap, ACopySlowsTheKernelsOfBothItsEnds) {
  Deployment deployment = equal_stages(2, 8);
  const auto busy = [&](double slowdown) {
    for (auto& device : deployment.rig.devices) {
      device.device.compute_slowdown_under_copy = slowdown;
    }
    const PassGraph pass = lower_prompt(deployment, 3 * 512, 1);
    sim::Costs costs = even_costs(pass);
    for (const std::size_t op : ops_of(pass, OpClass::kTransfer)) costs.amount[op] = 220'000;
    sim::Executor executor(pass.graph);
    executor.run(costs);
    const Overlap overlap = overlap_of(pass, executor, 2);
    return std::pair(overlap.devices[0].computing, overlap.devices[1].computing);
  };
  const auto [first, second] = busy(0);
  const auto [slow_first, slow_second] = busy(0.5);
  EXPECT_EQ(slow_first - first, microseconds(10));
  EXPECT_EQ(slow_second - second, microseconds(10));
}

}  // namespace
}  // namespace rigsim::workloads
