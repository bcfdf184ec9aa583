#include "workloads/time_share.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/workloads/toy_deployment.h"

namespace rigsim::workloads {
namespace {

using sim::Duration;
using std::chrono::microseconds;

/// Adds up a pass by hand: each op after those named, on a device's stream or on none.
class HandMade {
 public:
  explicit HandMade(int devices) {
    for (int i = 0; i < devices; ++i) streams_.push_back(builder_.add_resource());
  }

  /// A kernel of `launch` + `body` on `device`.
  sim::OpId kernel(std::uint32_t device, Duration launch, Duration body, Bound bound,
                   const std::vector<sim::OpId>& after = {}) {
    OpInfo info;
    info.place = device;
    info.cost.launch = launch;
    info.cost.body = body;
    info.cost.bound = bound;
    ops_.push_back(info);
    return builder_.add(sim::Exclusive{streams_[device], launch + body}, after);
  }

  sim::OpId wait(OpClass op_class, Duration duration, const std::vector<sim::OpId>& after = {}) {
    OpInfo info;
    info.op_class = op_class;
    ops_.push_back(info);
    return builder_.add(sim::Delay{duration}, after);
  }

  /// One whose first part is launch.
  sim::OpId collective(Duration launch, Duration rest, const std::vector<sim::OpId>& after = {}) {
    const auto op = wait(OpClass::kCollective, launch + rest, after);
    ops_.back().cost.launch = launch;
    return op;
  }

  [[nodiscard]] PassGraph finish() && {
    return PassGraph{std::move(builder_).compile(), std::move(ops_), {}, {}, {}};
  }

 private:
  sim::OpGraphBuilder builder_;
  std::vector<sim::ResourceId> streams_;
  std::vector<OpInfo> ops_;
};

PassTimes times_of(const PassGraph& pass, std::size_t devices) {
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  return attribute(pass, executor, devices);
}

void expect_share(const TimeShare& share, const TimeShare& expected) {
  constexpr double kPicosecond = 1e-12;
  EXPECT_NEAR(share.compute_s, expected.compute_s, kPicosecond);
  EXPECT_NEAR(share.memory_s, expected.memory_s, kPicosecond);
  EXPECT_NEAR(share.link_s, expected.link_s, kPicosecond);
  EXPECT_NEAR(share.launch_s, expected.launch_s, kPicosecond);
  EXPECT_NEAR(share.bubble_s, expected.bubble_s, kPicosecond);
  EXPECT_NEAR(share.host_s, expected.host_s, kPicosecond);
}

// gpu0 works 2 + 10 us, 5 us of copy, gpu1 works 3 + 7 us. Each is idle during the copy (link) and
// while the other works (bubble).
TEST(Attribute, TellsACopyFromABubble) {
  HandMade hand(2);
  const auto first = hand.kernel(0, microseconds(2), microseconds(10), Bound::kMemory);
  const auto copy = hand.wait(OpClass::kTransfer, microseconds(5), {first});
  hand.kernel(1, microseconds(3), microseconds(7), Bound::kCompute, {copy});
  const PassTimes times = times_of(std::move(hand).finish(), 2);
  expect_share(times.critical_path,
               {.compute_s = 7e-6, .memory_s = 10e-6, .link_s = 5e-6, .launch_s = 5e-6});
  expect_share(times.devices[0],
               {.memory_s = 10e-6, .link_s = 5e-6, .launch_s = 2e-6, .bubble_s = 10e-6});
  expect_share(times.devices[1],
               {.compute_s = 7e-6, .link_s = 5e-6, .launch_s = 3e-6, .bubble_s = 12e-6});
}

// A host step of 4 us, a kernel of 1 + 5 us, a synchronisation of 3 us.
TEST(Attribute, CountsHostWorkThatAPassWaitsFor) {
  HandMade hand(1);
  const auto step = hand.wait(OpClass::kHostStep, microseconds(4));
  const auto kernel = hand.kernel(0, microseconds(1), microseconds(5), Bound::kMemory, {step});
  hand.wait(OpClass::kSync, microseconds(3), {kernel});
  const PassTimes times = times_of(std::move(hand).finish(), 1);
  const TimeShare expected{.memory_s = 5e-6, .launch_s = 1e-6, .host_s = 7e-6};
  expect_share(times.critical_path, expected);
  expect_share(times.devices[0], expected);
}

// A kernel of 5 us, then a collective whose kernel starts for 3 us and moves for 4. The device has
// nothing to do meanwhile.
TEST(Attribute, TellsACollectivesStartFromItsLink) {
  HandMade hand(1);
  const auto kernel = hand.kernel(0, microseconds(0), microseconds(5), Bound::kMemory);
  hand.collective(microseconds(3), microseconds(4), {kernel});
  const PassTimes times = times_of(std::move(hand).finish(), 1);
  expect_share(times.critical_path, {.memory_s = 5e-6, .link_s = 4e-6, .launch_s = 3e-6});
  expect_share(times.devices[0], {.memory_s = 5e-6, .link_s = 4e-6, .host_s = 3e-6});
}

// A copy of 5 us beside a kernel of 8 us is hidden: it is not on the path, and no device idles for
// it. Then gpu1, with nothing to do for those 8 us, works for 2.
TEST(Attribute, LeavesAHiddenCopyOut) {
  HandMade hand(2);
  const auto kernel = hand.kernel(0, microseconds(0), microseconds(8), Bound::kCompute);
  const auto copy = hand.wait(OpClass::kTransfer, microseconds(5));
  hand.kernel(1, microseconds(0), microseconds(2), Bound::kMemory, {kernel, copy});
  const PassTimes times = times_of(std::move(hand).finish(), 2);
  expect_share(times.critical_path, {.compute_s = 8e-6, .memory_s = 2e-6});
  expect_share(times.devices[0], {.compute_s = 8e-6, .bubble_s = 2e-6});
  expect_share(times.devices[1], {.memory_s = 2e-6, .bubble_s = 8e-6});
}

// gpu1 works from 2 to 5 us, inside the path's copy from 0 to 9: 6 us of link remain for it.
TEST(Attribute, SplitsAGapAroundWork) {
  HandMade hand(2);
  const auto before = hand.wait(OpClass::kHostStep, microseconds(2));
  hand.kernel(1, microseconds(1), microseconds(2), Bound::kMemory, {before});
  const auto copy = hand.wait(OpClass::kTransfer, microseconds(9));
  hand.kernel(0, microseconds(0), microseconds(1), Bound::kMemory, {copy});
  const PassTimes times = times_of(std::move(hand).finish(), 2);
  expect_share(times.devices[0], {.memory_s = 1e-6, .link_s = 9e-6});
  expect_share(times.devices[1],
               {.memory_s = 2e-6, .link_s = 6e-6, .launch_s = 1e-6, .bubble_s = 1e-6});
}

// A device without work is idle by what the others do.
TEST(Attribute, TilesADeviceThatDoesNothing) {
  HandMade hand(1);
  const auto kernel = hand.kernel(0, microseconds(0), microseconds(3), Bound::kMemory);
  hand.wait(OpClass::kTransfer, microseconds(2), {kernel});
  const PassTimes times = times_of(std::move(hand).finish(), 2);
  expect_share(times.devices[1], {.link_s = 2e-6, .bubble_s = 3e-6});
}

// Of p equal stages each device works T and waits (p - 1) T; a boundary's 300 us are the host's and
// the copy the link's.
TEST(Attribute, GivesADecodeStepsBubbleExactly) {
  for (const int p : {2, 3, 4}) {
    const Deployment d = equal_stages(p, 2);
    const PassGraph pass = lower_decode(d, 64, 1);
    const double stage = sim::to_seconds(time_in(pass, OpClass::kKernel)) / p;
    const double copy = sim::to_seconds(d.network.route(0, 1).time(sim::Bytes(4096)));
    const PassTimes times = times_of(pass, static_cast<std::size_t>(p));
    for (const TimeShare& device : times.devices) {
      EXPECT_NEAR(device.bubble_s, (p - 1) * stage, 1e-12 * p);
      EXPECT_NEAR(device.host_s, (p - 1) * 300e-6, 1e-12);
      EXPECT_NEAR(device.link_s, (p - 1) * copy, 1e-12 * p);
    }
    EXPECT_DOUBLE_EQ(times.critical_path.bubble_s, 0);
  }
}

void expect_tiles(const Deployment& d, const PassGraph& pass) {
  const double total = sim::to_seconds(makespan(pass));
  constexpr double kPicosecond = 1e-12;
  const PassTimes times = times_of(pass, d.rig.devices.size());
  EXPECT_NEAR(times.critical_path.total_s(), total, kPicosecond);
  for (const TimeShare& device : times.devices) EXPECT_NEAR(device.total_s(), total, kPicosecond);
}

TEST(Attribute, SharesAddUpToThePass) {
  for (const int gpus : {1, 2, 4}) {
    const Deployment d = deploy(toy_request(gpus));
    expect_tiles(d, lower_decode(d, 1000, 3));
    expect_tiles(d, lower_prompt(d, 3000, 2));
  }
  DeploymentRequest offloaded = toy_request(2);
  offloaded.plan.gpu_layers = 3;
  const Deployment d = deploy(offloaded);
  expect_tiles(d, lower_decode(d, 1000, 1));
  expect_tiles(d, lower_prompt(d, 1500, 1));
  DeploymentRequest sharded = toy_request(4);
  sharded.engine.style = KernelStyle::kFused;
  sharded.engine.tensor_parallel = true;
  sharded.engine.backends[0].host_step_us = 500;
  sharded.plan.tp = 2;
  sharded.plan.pp = 2;
  const Deployment tp = deploy(sharded);
  expect_tiles(tp, lower_decode(tp, 1000, 1));
  expect_tiles(tp, lower_prompt(tp, 1500, 1));
}

TEST(TimeShare, AddsAndScales) {
  TimeShare a{1, 2, 3, 4, 5, 6};
  a += TimeShare{1, 1, 1, 1, 1, 1};
  const TimeShare b = a.scaled(2);
  EXPECT_EQ(b.compute_s, 4);
  EXPECT_EQ(b.memory_s, 6);
  EXPECT_EQ(b.link_s, 8);
  EXPECT_EQ(b.launch_s, 10);
  EXPECT_EQ(b.bubble_s, 12);
  EXPECT_EQ(b.host_s, 14);
  EXPECT_EQ(b.total_s(), 54);
}

}  // namespace
}  // namespace rigsim::workloads
