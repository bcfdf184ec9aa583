#include "sim/executor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/sim/op_log.h"

namespace rigsim::sim {
namespace {

using namespace literals;
using namespace std::chrono_literals;
using testing::ElementsAre;

Duration ps(std::int64_t count) { return Duration(count); }

TEST(Executor, RunsAnEmptyGraphInNoTime) {
  const OpGraph graph = OpGraphBuilder().compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs(), at(5)), at(5));
  EXPECT_TRUE(executor.critical_path().empty());
}

// 0 (10) -> 1 (20) and 0 -> 2 (5); 3 (1) waits for both: 10 + 20 + 1.
TEST(Executor, StartsAnOpWhenTheLastOfItsPredecessorsHasFinished) {
  OpGraphBuilder builder;
  const OpId first = builder.add(Delay{ps(10)});
  const OpId slow = builder.add(Delay{ps(20)}, {first});
  const OpId quick = builder.add(Delay{ps(5)}, {first});
  const OpId last = builder.add(Delay{ps(1)}, {slow, quick});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs(), at(100)), at(131));
  EXPECT_EQ(executor.started(quick), at(110));
  EXPECT_EQ(executor.finished(quick), at(115));
  EXPECT_EQ(executor.started(last), at(130));
}

// Two kernels of 10 and 20 on one stream and one of 25 on another: 30 in total.
TEST(Executor, RunsOneOpAtATimeOnAResource) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  const ResourceId other = builder.add_resource();
  builder.add(Exclusive{stream, ps(10)});
  const OpId second = builder.add(Exclusive{stream, ps(20)});
  const OpId alone = builder.add(Exclusive{other, ps(25)});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(30));
  EXPECT_EQ(executor.started(second), at(10));
  EXPECT_EQ(executor.finished(alone), at(25));
}

// Op 0 holds the resource until 10. Op 2 becomes ready at 3, op 1 at 5: op 2 goes first though its
// number is higher.
TEST(Executor, ServesAResourceInTheOrderInWhichOpsBecameReady) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  builder.add(Exclusive{stream, ps(10)});
  const OpId late = builder.add(Exclusive{stream, ps(1)});
  const OpId early = builder.add(Exclusive{stream, ps(1)});
  builder.precede(builder.add(Delay{ps(5)}), late);
  builder.precede(builder.add(Delay{ps(3)}), early);
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(12));
  EXPECT_EQ(executor.started(early), at(10));
  EXPECT_EQ(executor.started(late), at(11));
}

// Three ops become ready when op 0 finishes; the resource takes them in the order of the edges: 3,
// 1, 2.
TEST(Executor, BreaksTiesOfReadinessByTheOrderOfTheEdges) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  const OpId first = builder.add(Delay{ps(7)});
  std::vector<OpId> kernels;
  for (int i = 0; i < 3; ++i) kernels.push_back(builder.add(Exclusive{stream, ps(2)}));
  for (const int i : {2, 0, 1}) builder.precede(first, kernels[i]);
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  OpLog log;
  executor.run(graph.costs(), {}, log);
  EXPECT_THAT(log.lines(),
              ElementsAre("+0@0", "-0@7", "+3@7", "-3@9", "+1@9", "-1@11", "+2@11", "-2@13"));
}

// Everything ends at 10. The ends were scheduled in the order 0, 1 (both at 0), then 2 (at 4): they
// come in that order; op 3, a zero delay after op 0, is scheduled at 10 and comes after all of
// them, op 4 after it.
TEST(Executor, OrdersEventsByTimeAndThenByTheOrderOfScheduling) {
  Network network;
  const RouteId route = network.add_route({network.add_link(1_GBps)});
  OpGraphBuilder builder(network);
  const ResourceId stream = builder.add_resource();
  const OpId kernel = builder.add(Exclusive{stream, ps(10'000)});
  builder.add(Delay{ps(10'000)});
  const OpId copy = builder.add(Transfer{route, 6_B});
  const OpId join = builder.add(Delay{ps(0)}, {kernel});
  builder.add(Exclusive{stream, ps(0)}, {join});
  builder.precede(builder.add(Delay{ps(4'000)}), copy);
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  OpLog log;
  executor.run(graph.costs(), {}, log);
  EXPECT_THAT(log.lines(),
              ElementsAre("+0@0", "+1@0", "+5@0", "-5@4000", "+2@4000", "-0@10000", "+3@10000",
                          "-1@10000", "-2@10000", "-3@10000", "+4@10000", "-4@10000"));
}

// 3 us of latency over two links and 1 us more, then 1 MB at 10 GB/s = 100 us: 104 us.
TEST(Executor, PaysTheLatencyOfARouteAndThenMovesAtTheRateOfItsSlowestLink) {
  Network network;
  const LinkId fast = network.add_link(20_GBps, 1us);
  const LinkId slow = network.add_link(10_GBps, 2us);
  OpGraphBuilder builder(network);
  builder.add(Transfer{network.add_route({fast, slow}, 1us), 1_MB});
  // The builder took its copy before the route was added: it must say so, not crash.
  EXPECT_THROW((void)std::move(builder).compile(), std::invalid_argument);

  OpGraphBuilder complete(network);
  complete.add(Transfer{RouteId{0}, 1_MB});
  const OpGraph graph = std::move(complete).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(0) + 104us);
  EXPECT_EQ(executor.started(OpId{0}), at(0));
}

// Both wait 1 us; then 10 kB each at 5 GB/s take 2 us.
TEST(Executor, SharesALinkBetweenTransfersThatMoveAtOnce) {
  Network network;
  const RouteId route = network.add_route({network.add_link(10_GBps, 1us)});
  OpGraphBuilder builder(network);
  builder.add(Transfer{route, 10_kB});
  builder.add(Transfer{route, 10_kB});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(0) + 3us);
}

TEST(Executor, LetsATransferOfNothingPayLatencyOnly) {
  Network network;
  const RouteId route = network.add_route({network.add_link(1_GBps, 7us)});
  OpGraphBuilder builder(network);
  builder.add(Transfer{route, 0_B});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(0) + 7us);
}

// 10 and 30 kB share 10 GB/s: the short one is done at 2 us, when the other has 20 kB left. The
// next one takes its place at once and is done at 4 us; the long one then moves its last 10 kB
// alone, in 1 us.
TEST(Executor, StartsTheNextTransferInTheInstantInWhichOneFinishes) {
  Network network;
  const RouteId route = network.add_route({network.add_link(10_GBps)});
  OpGraphBuilder builder(network);
  const OpId quick = builder.add(Transfer{route, 10_kB});
  const OpId slow = builder.add(Transfer{route, 30_kB});
  const OpId next = builder.add(Transfer{route, 10_kB}, {quick});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  executor.run(graph.costs());
  EXPECT_EQ(executor.finished(quick), at(0) + 2us);
  EXPECT_EQ(executor.finished(next), at(0) + 4us);
  EXPECT_EQ(executor.finished(slow), at(0) + 5us);
}

TEST(Executor, RunsAgainWithOtherCosts) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  const OpId first = builder.add(Exclusive{stream, ps(10)});
  builder.add(Exclusive{stream, ps(20)}, {first});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(executor.run(graph.costs()), at(30));
  EXPECT_EQ(executor.run(Costs{{1, 2}}), at(3));
  EXPECT_EQ(executor.run(graph.costs()), at(30));
}

std::string message_of(Executor& executor, const Costs& costs, Time start = {}) {
  try {
    executor.run(costs, start);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Executor, RefusesCostsThatDoNotFitTheGraph) {
  OpGraphBuilder builder;
  builder.add(Delay{ps(1)});
  builder.add(Delay{ps(1)});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  EXPECT_EQ(message_of(executor, Costs{{1}}), "1 costs for 2 ops: one per op is needed");
  EXPECT_EQ(message_of(executor, Costs{{1, -3}}), "op 1: cost must be >= 0, got -3");
  EXPECT_THROW(executor.run(Costs{{1, -3}}), std::invalid_argument);
  EXPECT_THROW((void)executor.critical_path(), std::logic_error);
}

TEST(Executor, RefusesToRunBeyondTheClock) {
  Network network;
  const RouteId route = network.add_route({network.add_link(Bandwidth(1e-3))});
  OpGraphBuilder builder(network);
  builder.add(Delay{ps(1)});
  builder.add(Transfer{route, 0_B});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_THROW(executor.run(Costs{{most, 0}}, at(1)), std::out_of_range);
  EXPECT_THROW(executor.run(Costs{{0, 1'000'000'000}}), std::out_of_range);  // 10^12 s
  EXPECT_EQ(executor.run(graph.costs()), at(1));
}

// A run may begin before the clock's zero; 1 GB/s moves 5 bytes in 5,000 ps.
TEST(Executor, BeginsBeforeZeroAsAtAnyTime) {
  Network network;
  const RouteId route = network.add_route({network.add_link(1_GBps)});
  OpGraphBuilder builder(network);
  const OpId wait = builder.add(Delay{ps(700)});
  builder.add(Transfer{route, 5_B}, {wait});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  for (const std::int64_t start : {-20'000, -3'000, 0, 3'000})
    EXPECT_EQ(executor.run(graph.costs(), at(start)), at(start + 5'700)) << start;
}

struct StopAtOp {
  OpId op;
  void op_started(OpId, Time) const {}
  void op_finished(OpId finished, Time) const {
    if (finished == op) throw std::runtime_error("stop");
  }
};

TEST(Executor, StartsAfreshAfterARunThatAnObserverStopped) {
  OpGraphBuilder builder;
  const ResourceId stream = builder.add_resource();
  for (int i = 0; i < 3; ++i) builder.add(Exclusive{stream, ps(10)});
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  const StopAtOp stop{OpId{1}};
  EXPECT_THROW(executor.run(graph.costs(), {}, stop), std::runtime_error);
  EXPECT_EQ(executor.run(graph.costs()), at(30));
}

// Kernels, delays and transfers at random, each after up to three of the 20 before it.
OpGraph random_graph(std::uint64_t seed, int ops) {
  std::mt19937_64 random(seed);
  Network network;
  std::vector<LinkId> links;
  for (int i = 0; i < 6; ++i) {
    const Bandwidth capacity(1e9 * (1 + static_cast<double>(random() % 9)));
    links.push_back(network.add_link(capacity, Duration(random() % 3 * 1000)));
  }
  for (int i = 0; i < 6; ++i) network.add_route({links[i], links[(i + 1 + random() % 5) % 6]});
  OpGraphBuilder builder(network);
  for (int i = 0; i < 4; ++i) builder.add_resource();
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(ops); ++i) {
    const auto cost = static_cast<std::int64_t>(random() % 50);
    const std::uint64_t kind = random() % 3;
    Op op = Delay{Duration(cost * 1000)};
    if (kind == 1) op = Exclusive{ResourceId{std::uint32_t(random() % 4)}, Duration(cost * 1000)};
    if (kind == 2) op = Transfer{RouteId{std::uint32_t(random() % 6)}, Bytes(cost)};
    const OpId id = builder.add(op);
    for (std::uint64_t edges = random() % 4; edges > 0 && i > 0; --edges) {
      builder.precede(OpId{i - 1 - std::uint32_t(random() % std::min(i, 20U))}, id);
    }
  }
  return std::move(builder).compile();
}

TEST(Executor, TellsTheSameStoryEveryTime) {
  const OpGraph graph = random_graph(7, 2000);
  Executor executor(graph);
  OpLog first;
  OpLog again;
  OpLog elsewhere;
  executor.run(graph.costs(), {}, first);
  executor.run(graph.costs(), {}, again);
  Executor other(graph);
  other.run(graph.costs(), {}, elsewhere);
  EXPECT_EQ(first.lines(), again.lines());
  EXPECT_EQ(first.lines(), elsewhere.lines());
}

// FNV-1a over the log of a fixed random graph: changes when any event moves or any tie is broken
// differently.
TEST(Executor, KeepsTheOrderOfEventsFromVersionToVersion) {
  const OpGraph graph = random_graph(7, 2000);
  Executor executor(graph);
  OpLog log;
  executor.run(graph.costs(), {}, log);
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string& line : log.lines()) {
    for (const char c : line + "\n") hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  EXPECT_EQ(log.lines().size(), 4000U);
  EXPECT_EQ(fmt::format("{:016x}", hash), "557404c6d76e15fc");
}

// What an observer sees is checked against the rules one by one.
struct RuleChecker {
  const OpGraph& graph;
  std::vector<int> state = std::vector<int>(graph.size(), 0);
  std::vector<int> running = std::vector<int>(graph.resource_count(), 0);
  std::vector<std::uint32_t> unmet = std::vector<std::uint32_t>(graph.size(), 0);
  Time last{};

  void op_started(OpId op, Time now) {
    EXPECT_GE(now, last);
    EXPECT_EQ(state[index_of(op)]++, 0);
    EXPECT_EQ(unmet[index_of(op)], graph.in_degree(op));
    if (const auto resource = graph.resource(op)) {
      EXPECT_EQ(running[index_of(*resource)]++, 0);
    }
    last = now;
  }
  void op_finished(OpId op, Time now) {
    EXPECT_GE(now, last);
    EXPECT_EQ(state[index_of(op)]++, 1);
    if (const auto resource = graph.resource(op)) {
      EXPECT_EQ(--running[index_of(*resource)], 0);
    }
    for (const OpId next : graph.successors(op)) ++unmet[index_of(next)];
    last = now;
  }
};

TEST(Executor, KeepsTheRulesOnRandomGraphs) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    const OpGraph graph = random_graph(seed, 500);
    Executor executor(graph);
    RuleChecker checker{graph};
    const Time end = executor.run(graph.costs(), {}, checker);
    EXPECT_EQ(end, checker.last);
    EXPECT_THAT(checker.state, testing::Each(2));
  }
}

}  // namespace
}  // namespace rigsim::sim
