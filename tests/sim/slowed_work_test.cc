#include "sim/slowed_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <stdexcept>

#include "sim/executor.h"
#include "tests/sim/op_log.h"

namespace rigsim::sim {
namespace {

using testing::ElementsAre;

Duration ps(std::int64_t count) { return Duration(count); }

/// A route on which a byte takes a picosecond, after `latency` ps.
RouteId byte_per_ps(Network& network, std::int64_t latency = 0) {
  return network.add_route({}, ps(latency), Bandwidth(1e12));
}

/// One kernel of 100 ps, and copies that slow its stream by `slowdown`: {start, size} in ps.
class OneKernel {
 public:
  explicit OneKernel(double slowdown, std::int64_t latency = 0, std::int64_t work = 100)
      : builder_(network_of(latency)) {
    builder_.set_slowdown(builder_.add_resource(), slowdown);
    kernel_ = builder_.add(Exclusive{ResourceId{0}, ps(work)});
  }
  OneKernel& copy(std::int64_t start, std::int64_t size) {
    const OpId wait = builder_.add(Delay{ps(start)});
    builder_.slow(builder_.add(Transfer{RouteId{0}, Bytes(size)}, {wait}), ResourceId{0});
    return *this;
  }
  /// When the kernel ends.
  std::int64_t end() {
    const OpGraph graph = std::move(builder_).compile();
    Executor executor(graph);
    last_ = executor.run(graph.costs()).time_since_epoch().count();
    return executor.finished(kernel_).time_since_epoch().count();
  }
  /// When the run did.
  [[nodiscard]] std::int64_t last() const { return last_; }

 private:
  static Network network_of(std::int64_t latency) {
    Network network;
    byte_per_ps(network, latency);
    return network;
  }

  OpGraphBuilder builder_;
  OpId kernel_{};
  std::int64_t last_ = 0;
};

// 20 ps at full speed, 40 ps at 3/4 do 30, the other 50 take 50: 110.
TEST(SlowedWork, AKernelIsSlowWhileACopyMoves) {
  OneKernel one(0.25);
  one.copy(20, 40);
  EXPECT_EQ(one.end(), 110);
  EXPECT_EQ(one.last(), 110);  // its end was once expected at 127; nothing happens then
}

TEST(SlowedWork, TheLatencyOfACopySlowsNothing) {
  EXPECT_EQ(OneKernel(0.25, 20).copy(0, 40).end(), 110);
  EXPECT_EQ(OneKernel(0.25, 100).copy(0, 40).end(), 100);
}

TEST(SlowedWork, SeveralCopiesSlowAsMuchAsOne) {
  EXPECT_EQ(OneKernel(0.25).copy(20, 30).copy(30, 30).end(), 110);
  EXPECT_EQ(OneKernel(0.25).copy(20, 20).copy(40, 20).end(), 110);
}

TEST(SlowedWork, ACopyOfNothingSlowsNothing) { EXPECT_EQ(OneKernel(0.5).copy(20, 0).end(), 100); }

// At half speed from the start; 30 of 50 ps are done by 60. From 99 on it would be too late.
TEST(SlowedWork, ACopyThatIsThereAtTheStartOrComesAtTheEnd) {
  EXPECT_EQ(OneKernel(0.5).copy(0, 60).end(), 130);
  EXPECT_EQ(OneKernel(0.5).copy(0, 1000).end(), 200);
  EXPECT_EQ(OneKernel(0.5).copy(100, 50).end(), 100);
  EXPECT_EQ(OneKernel(0.5).copy(99, 50).end(), 101);
}

// Speed 3/4: one slow ps leaves 1/4 ps of work, which ends at the next whole one; four leave 1 ps.
TEST(SlowedWork, AnEndIsTheFirstPicosecondByWhichAllWorkIsDone) {
  EXPECT_EQ(OneKernel(0.25).copy(10, 1).end(), 101);
  EXPECT_EQ(OneKernel(0.25).copy(10, 4).end(), 101);
  EXPECT_EQ(OneKernel(0.25).copy(10, 1).copy(20, 3).end(), 101);
  EXPECT_EQ(OneKernel(0.25).copy(10, 5).end(), 102);
}

// 4.6 million seconds at half speed: beyond 63 bits in units of 2^-20 ps.
TEST(SlowedWork, LongWorkKeepsItsPrecision) {
  const std::int64_t long_work = 4'600'000'000'000'000'001;
  EXPECT_EQ(OneKernel(0.5, 0, long_work).copy(10, 2).end(), long_work + 1);
  EXPECT_THROW((void)OneKernel(0.75, 0, long_work).copy(10, long_work).end(), std::out_of_range);
}

// Two kernels on one stream: the second is slowed by the copy that began under the first, and
// waits for it.
TEST(SlowedWork, TheNextKernelFindsTheCopyMoving) {
  Network network;
  const RouteId route = byte_per_ps(network);
  OpGraphBuilder builder(network);
  const ResourceId stream = builder.add_resource();
  builder.set_slowdown(stream, 0.5);
  builder.add(Exclusive{stream, ps(10)});
  builder.add(Exclusive{stream, ps(10)});
  builder.slow(builder.add(Transfer{route, Bytes(24)}), stream);
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  OpLog log;
  executor.run(graph.costs(), {}, log);
  // 20 at half speed, then 4 ps that do 2, then 8.
  EXPECT_THAT(log.lines(), ElementsAre("+0@0", "+2@0", "-0@20", "+1@20", "-2@24", "-1@32"));
  const auto path = executor.critical_path();
  ASSERT_EQ(path.size(), 2U);
  EXPECT_EQ(path[0].end, path[1].start);
}

// Both ends are at 20, scheduled in the order 0, 1; moving the first does not change that.
TEST(SlowedWork, AMovedEndKeepsItsPlaceInTheOrderOfScheduling) {
  Network network;
  const RouteId route = byte_per_ps(network);
  OpGraphBuilder builder(network);
  const ResourceId slow = builder.add_resource();
  const ResourceId other = builder.add_resource();
  builder.set_slowdown(slow, 0.5);
  builder.add(Exclusive{slow, ps(15)});
  builder.add(Exclusive{other, ps(20)});
  builder.slow(builder.add(Transfer{route, Bytes(10)}), slow);
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  OpLog log;
  executor.run(graph.costs(), {}, log);
  EXPECT_THAT(log.lines(), ElementsAre("+0@0", "+1@0", "+2@0", "-2@10", "-0@20", "-1@20"));
}

TEST(SlowedWork, WhatIsNotFeltIsNotKept) {
  Network network;
  const RouteId route = byte_per_ps(network);
  OpGraphBuilder builder(network);
  const ResourceId never_slowed = builder.add_resource();
  const ResourceId by_nothing = builder.add_resource();
  builder.set_slowdown(never_slowed, 0.5);
  builder.set_slowdown(by_nothing, 0);
  builder.slow(builder.add(Transfer{route, Bytes(10)}), by_nothing);
  EXPECT_TRUE(std::move(builder).compile().slowed_resources().empty());
}

TEST(SlowedWork, WithoutTransfersNothingIsSlowed) {
  Network network;
  const RouteId route = byte_per_ps(network, 7);
  OpGraphBuilder builder(network);
  const ResourceId stream = builder.add_resource();
  builder.set_slowdown(stream, 0.5);
  const OpId copy = builder.add(Transfer{route, Bytes(10)});
  builder.slow(copy, stream);
  builder.add(Exclusive{stream, ps(5)}, {copy});
  const OpGraph graph = std::move(builder).compile();
  const OpGraph free = graph.without_transfers();
  EXPECT_EQ(free.kind(copy), OpKind::kDelay);
  EXPECT_TRUE(free.slowed_resources().empty());
  EXPECT_EQ(Executor(graph).run(graph.costs()), at(22));
  EXPECT_EQ(Executor(free).run(free.costs()), at(5));
}

TEST(SlowedWork, RefusesSlowdownsThatStopOrNameNothing) {
  EXPECT_EQ(speed_after(0), Speed(kFullSpeed));
  EXPECT_EQ(speed_after(0.25), Speed(kFullSpeed / 4 * 3));
  for (const double wrong : {-0.1, 1.0, 1.5, 0.9999999, std::nan("")}) {
    EXPECT_THROW((void)speed_after(wrong), std::invalid_argument) << wrong;
  }
  const auto refused = [](auto say) {
    OpGraphBuilder builder;
    builder.add(Exclusive{builder.add_resource(), ps(1)});
    say(builder);
    EXPECT_THROW((void)std::move(builder).compile(), std::invalid_argument);
  };
  refused([](OpGraphBuilder& b) { b.set_slowdown(ResourceId{1}, 0.5); });
  refused([](OpGraphBuilder& b) { b.set_slowdown(ResourceId{0}, 1); });
  refused([](OpGraphBuilder& b) { b.slow(OpId{0}, ResourceId{0}); });
  refused([](OpGraphBuilder& b) { b.slow(OpId{1}, ResourceId{0}); });
  refused([](OpGraphBuilder& b) { b.slow(OpId{0}, ResourceId{1}); });
}

/// A random graph as a test states it, run a picosecond at a time. Kernels of one stream are in a
/// fixed order, each byte takes a picosecond.
struct TickModel {
  struct Op {
    bool copy = false;
    std::int64_t amount = 0;
    std::uint32_t stream = 0;          // of a kernel
    std::vector<std::uint32_t> slows;  // streams, of a copy
    std::vector<std::uint32_t> after;
    std::int64_t begin = -1;
    std::int64_t end = -1;
    std::int64_t done = 0;  // of a kernel: work in 2^-20 ps
    std::int64_t slow_ps = 0;
  };

  static constexpr std::int64_t kLatency = 3;
  std::vector<Op> ops;
  std::vector<std::int32_t> speed;  // by stream, while slowed

  [[nodiscard]] bool moves(const Op& op, std::int64_t now) const {
    return op.copy && op.begin >= 0 && now >= op.begin + kLatency &&
           now < op.begin + kLatency + op.amount;
  }

  // Whether something began or ended at `now`.
  bool settle(std::int64_t now) {
    bool changed = false;
    for (Op& op : ops) {
      const bool ready =
          op.begin < 0 &&
          std::ranges::all_of(op.after, [&](std::uint32_t before) { return ops[before].end >= 0; });
      if (ready) op.begin = now;
      const bool over =
          op.copy ? now >= op.begin + kLatency + op.amount : op.done >= op.amount * kFullSpeed;
      const bool ends = op.begin >= 0 && op.end < 0 && over;
      if (ends) op.end = now;
      changed = changed || ready || ends;
    }
    return changed;
  }

  void tick(std::int64_t now) {
    std::vector<bool> slow(speed.size());
    for (const Op& op : ops) {
      if (!moves(op, now)) continue;
      for (const std::uint32_t stream : op.slows) slow[stream] = true;
    }
    for (Op& op : ops) {
      if (op.copy || op.begin < 0 || op.end >= 0) continue;
      op.done += slow[op.stream] ? speed[op.stream] : kFullSpeed;
      op.slow_ps += slow[op.stream];
    }
  }

  void run() {
    for (std::int64_t now = 0;; ++now) {
      while (settle(now)) {
      }
      if (std::ranges::all_of(ops, [](const Op& op) { return op.end >= 0; })) return;
      tick(now);
    }
  }
};

struct RandomCase {
  TickModel model;
  OpGraphBuilder builder;
};

RandomCase random_case(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Network network;
  const RouteId route = byte_per_ps(network, TickModel::kLatency);
  RandomCase result{{}, OpGraphBuilder(network)};
  const std::uint32_t streams = 1 + static_cast<std::uint32_t>(random() % 3);
  for (std::uint32_t i = 0; i < streams; ++i) {
    const double slowdown = static_cast<double>(random() % 90) / 100;
    result.builder.set_slowdown(result.builder.add_resource(), slowdown);
    result.model.speed.push_back(static_cast<std::int32_t>(speed_after(slowdown)));
  }
  std::vector<std::optional<std::uint32_t>> last(streams);
  for (std::uint32_t i = 0; i < 30; ++i) {
    TickModel::Op op;
    op.copy = random() % 2 == 0;
    op.amount = static_cast<std::int64_t>(random() % 40);
    for (std::uint64_t edges = random() % 3; edges > 0 && i > 0; --edges) {
      op.after.push_back(static_cast<std::uint32_t>(random() % i));
    }
    if (op.copy) {
      const OpId id = result.builder.add(Transfer{route, Bytes(op.amount)});
      for (std::uint64_t slowed = random() % 3; slowed > 0; --slowed) {
        op.slows.push_back(static_cast<std::uint32_t>(random() % streams));
        result.builder.slow(id, ResourceId{op.slows.back()});
      }
    } else {
      op.stream = static_cast<std::uint32_t>(random() % streams);
      result.builder.add(Exclusive{ResourceId{op.stream}, ps(op.amount)});
      if (last[op.stream]) op.after.push_back(*last[op.stream]);
      last[op.stream] = i;
    }
    for (const std::uint32_t before : op.after) result.builder.precede(OpId{before}, OpId{i});
    result.model.ops.push_back(op);
  }
  return result;
}

TEST(SlowedWork, RandomGraphsRunLikeTheTickModelAndConserveWork) {
  int slowed = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    RandomCase random = random_case(seed);
    random.model.run();
    const OpGraph graph = std::move(random.builder).compile();
    Executor executor(graph);
    for (int run = 0; run < 2; ++run) {
      executor.run(graph.costs());
      for (std::uint32_t i = 0; i < graph.size(); ++i) {
        const TickModel::Op& op = random.model.ops[i];
        ASSERT_EQ(executor.started(OpId{i}), at(op.begin)) << "seed " << seed << " op " << i;
        ASSERT_EQ(executor.finished(OpId{i}), at(op.end)) << "seed " << seed << " op " << i;
        if (op.copy) continue;
        // Speed x time is the op's work, and less than a picosecond at full speed more.
        const std::int64_t length =
            (executor.finished(OpId{i}) - executor.started(OpId{i})).count();
        const std::int64_t work =
            (length - op.slow_ps) * kFullSpeed + op.slow_ps * random.model.speed[op.stream];
        ASSERT_GE(work, op.amount * kFullSpeed);
        ASSERT_LT(work, (op.amount + 1) * kFullSpeed);
        slowed += op.slow_ps > 0;
      }
    }
  }
  EXPECT_GT(slowed, 1000);
}

}  // namespace
}  // namespace rigsim::sim
