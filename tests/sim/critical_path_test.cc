#include "sim/critical_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "sim/executor.h"
#include "tests/sim/op_log.h"

namespace rigsim::sim {
namespace {

using namespace literals;
using testing::ElementsAre;

// "2:dependency[10,30]" for op 2 from 10 to 30.
std::vector<std::string> told(const std::vector<PathStep>& path) {
  const char* const reasons[] = {"start", "dependency", "resource"};
  std::vector<std::string> lines;
  for (const PathStep& step : path) {
    lines.push_back(
        fmt::format("{}:{}[{},{}]", index_of(step.op), reasons[static_cast<int>(step.reason)],
                    step.start.time_since_epoch().count(), step.end.time_since_epoch().count()));
  }
  return lines;
}

// Op 0 (10), then 1 (5) and 2 (20) side by side, then 3 (1).
TEST(CriticalPath, FollowsTheLaterOfTwoPredecessors) {
  OpGraphBuilder builder;
  const OpId first = builder.add(Delay{Duration(10)});
  const OpId quick = builder.add(Delay{Duration(5)}, {first});
  const OpId slow = builder.add(Delay{Duration(20)}, {first});
  builder.add(Delay{Duration(1)}, {quick, slow});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  executor.run(graph.costs(), at(100));
  EXPECT_THAT(told(executor.critical_path()),
              ElementsAre("0:start[100,110]", "2:dependency[110,130]", "3:dependency[130,131]"));
}

// Kernel 2 is ready at 3 but waits for kernel 0 on its stream until 10.
TEST(CriticalPath, SaysWhenAnOpWaitedForAResource) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  builder.add(Exclusive{stream, Duration(10)});
  const OpId launch = builder.add(Delay{Duration(3)});
  builder.add(Exclusive{stream, Duration(4)}, {launch});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  executor.run(graph.costs());
  EXPECT_THAT(told(executor.critical_path()), ElementsAre("0:start[0,10]", "2:resource[10,14]"));
}

// After 500 ps of latency two transfers of 10 B share 10 GB/s: 2 ns. What sharing costs is within
// the step.
TEST(CriticalPath, CountsSharingWithinTheTransferItself) {
  Network network;
  const RouteId route = network.add_route({network.add_link(10_GBps, Duration(500))});
  OpGraphBuilder builder(network);
  const OpId copy = builder.add(Transfer{route, 10_B});
  builder.add(Transfer{route, 10_B});
  builder.add(Delay{Duration(5'000)}, {copy});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  executor.run(graph.costs());
  EXPECT_THAT(told(executor.critical_path()),
              ElementsAre("0:start[0,2500]", "2:dependency[2500,7500]"));
}

TEST(CriticalPath, IsNotThereWhenARunDidNotKeepIt) {
  OpGraphBuilder builder;
  builder.add(Delay{Duration(1)});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_THROW((void)executor.critical_path(), std::logic_error);
  EXPECT_EQ(executor.run<KeepPath::kNo>(graph.costs()), at(1));
  EXPECT_THROW((void)executor.critical_path(), std::logic_error);
  executor.run(graph.costs());
  EXPECT_EQ(executor.critical_path().size(), 1U);
}

// Layered kernels, delays and transfers with random costs.
OpGraph random_graph(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Network network;
  const LinkId up = network.add_link(3_GBps, Duration(700));
  const LinkId down = network.add_link(2_GBps, Duration(300));
  network.add_route({up});
  network.add_route({up, down});
  OpGraphBuilder builder(network);
  for (int i = 0; i < 3; ++i) builder.add_resource();
  for (std::uint32_t i = 0; i < 300; ++i) {
    const auto cost = static_cast<std::int64_t>(random() % 100'000);
    const auto which = static_cast<std::uint32_t>(random());
    Op op = Delay{Duration(cost)};
    if (which % 3 == 1) op = Exclusive{ResourceId{which / 3 % 3}, Duration(cost)};
    if (which % 3 == 2) op = Transfer{RouteId{which / 3 % 2}, Bytes(cost / 300)};
    const OpId id = builder.add(op);
    for (std::uint64_t edges = random() % 3; edges > 0 && i > 0; --edges) {
      builder.precede(OpId{i - 1 - static_cast<std::uint32_t>(random() % std::min(i, 12U))}, id);
    }
  }
  return std::move(builder).compile();
}

TEST(CriticalPath, TilesEveryRunFromItsStartToItsEnd) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const OpGraph graph = random_graph(seed);
    Executor executor(graph);
    const Time start = at(1'000'000 * static_cast<std::int64_t>(seed));
    const Time end = executor.run(graph.costs(), start);
    const std::vector<PathStep> path = executor.critical_path();
    ASSERT_FALSE(path.empty());
    Time reached = start;
    for (const PathStep& step : path) {
      EXPECT_EQ(step.start, reached);
      EXPECT_EQ(step.start, executor.started(step.op));
      EXPECT_EQ(step.end, executor.finished(step.op));
      reached = step.end;
    }
    EXPECT_EQ(reached, end);
    EXPECT_EQ(path.front().reason, PathReason::kStart);
  }
}

// Each step is there for a reason that holds in the graph: an edge from the step before, or the
// same resource.
TEST(CriticalPath, GivesReasonsThatHoldInTheGraph) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const OpGraph graph = random_graph(seed);
    Executor executor(graph);
    executor.run(graph.costs());
    const std::vector<PathStep> path = executor.critical_path();
    for (std::size_t i = 1; i < path.size(); ++i) {
      if (path[i].reason == PathReason::kDependency) {
        EXPECT_THAT(graph.successors(path[i - 1].op), testing::Contains(path[i].op));
      } else {
        EXPECT_EQ(path[i].reason, PathReason::kResource);
        EXPECT_EQ(graph.resource(path[i - 1].op), graph.resource(path[i].op));
      }
    }
  }
}

// A chain of 100, 200, 300 beside shorter ones on their own resources: 3 ps more or less on any op
// of the chain moves the end by exactly that; on an op beside it, by nothing.
TEST(CriticalPath, MovesTheEndByWhatAnOpOnItCostsMore) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  const ResourceId other = builder.add_resource();
  const OpId a = builder.add(Exclusive{stream, Duration(100)});
  const OpId b = builder.add(Delay{Duration(200)}, {a});
  const OpId c = builder.add(Exclusive{stream, Duration(300)}, {b});
  const OpId beside = builder.add(Exclusive{other, Duration(50)}, {a});
  builder.precede(beside, c);
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(600));
  EXPECT_THAT(told(executor.critical_path()),
              ElementsAre("0:start[0,100]", "1:dependency[100,300]", "2:dependency[300,600]"));
  for (const std::int64_t change : {3, -3}) {
    for (const OpId op : {a, b, c}) {
      Costs costs = graph.costs();
      costs.amount[index_of(op)] += change;
      EXPECT_EQ(executor.run(costs), at(600 + change));
    }
    Costs costs = graph.costs();
    costs.amount[index_of(beside)] += change;
    EXPECT_EQ(executor.run(costs), at(600));
  }
}

}  // namespace
}  // namespace rigsim::sim
