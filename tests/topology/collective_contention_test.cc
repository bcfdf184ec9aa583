#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <stdexcept>
#include <vector>

#include "tests/topology/devices.h"
#include "tests/topology/star.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace std::chrono_literals;
using namespace testing;
using Kind = CollectiveKind;

constexpr LinkCost kLink{1us, 100_GBps};

// Ranks of 8 on a leaf whose link up is a quarter of theirs, in shuffled order.
struct Leaves {
  explicit Leaves(std::uint32_t count) : ranks(count) {
    std::vector<sim::LinkId> out;
    std::vector<sim::LinkId> in;
    std::vector<sim::LinkId> up;
    std::vector<sim::LinkId> down;
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      out.push_back(network.add_link(kLink.bandwidth, kLink.latency));
      in.push_back(network.add_link(kLink.bandwidth));
      up.push_back(network.add_link(200_GBps));  // of leaf `rank`, where there is one
      down.push_back(network.add_link(200_GBps));
    }
    for (std::uint32_t from = 0; from < ranks; ++from) {
      for (std::uint32_t to = 0; to < ranks; ++to) {
        std::vector<sim::LinkId> way{out[from], in[to]};
        if (from / 8 != to / 8) way = {out[from], up[from / 8], down[to / 8], in[to]};
        routes.push_back(network.add_route(way));
      }
    }
  }

  [[nodiscard]] double time(Kind kind, Algorithm algorithm, Granularity granularity) const {
    CollectiveRequest call = request(kind, ranks, 256_MB);
    std::mt19937_64 random(1);
    for (std::size_t i = ranks; i > 1; --i) {
      std::swap(call.devices[i - 1], call.devices[random() % i]);
    }
    const RouteOf route = [this](std::uint32_t from, std::uint32_t to) {
      return routes[from * ranks + to];
    };
    return sim::to_seconds(simulated(network, route, call, algorithm, granularity));
  }

  std::uint32_t ranks;
  sim::Network network;
  std::vector<sim::RouteId> routes;
};

// Shared uplinks: the flows of whole phases take what the messages one by one take; where 16 peers
// stand for all, or nothing knows of a tree's rounds, within 10 %.
TEST(ContendedCollectives, TakeAsLongInBulkAsStepByStep) {
  const struct {
    Kind kind;
    Algorithm algorithm;
    double tolerance;
  } cases[] = {{Kind::kAllReduce, Algorithm::kRing, 0.001},
               {Kind::kAllGather, Algorithm::kRing, 0.001},
               {Kind::kAllToAll, Algorithm::kDirect, 0.1},
               {Kind::kAllReduce, Algorithm::kDirect, 0.1},
               {Kind::kAllReduce, Algorithm::kTree, 0.1}};
  for (const std::uint32_t ranks : {16U, 40U, 64U}) {
    const Leaves leaves(ranks);
    for (const auto& [kind, algorithm, tolerance] : cases) {
      const double messages = leaves.time(kind, algorithm, Granularity::kStepwise);
      const double flows = leaves.time(kind, algorithm, Granularity::kBulk);
      EXPECT_NEAR(flows, messages, tolerance * messages)
          << ranks << " ranks " << to_string(algorithm);
    }
  }
}

// Rank 5 is 1 ms late: a ring of which it is part ends 1 ms later, on every rank.
TEST(Collectives, WaitForTheLastRank) {
  for (const Granularity granularity : {Granularity::kStepwise, Granularity::kBulk}) {
    const Star star(8, kLink);
    sim::OpGraphBuilder builder(star.network);
    std::vector<sim::OpId> ready;
    for (std::uint32_t rank = 0; rank < 8; ++rank) {
      ready.push_back(builder.add(sim::Delay{rank == 5 ? sim::Duration(1ms) : sim::Duration(0)}));
    }
    const auto done = emit_collective(builder, star.route_of(), request(Kind::kAllReduce, 8, 8_MB),
                                      Algorithm::kRing, granularity, ready);
    const sim::OpGraph graph = std::move(builder).compile();
    sim::Executor executor(graph);
    // 14 x (1 us + 10 us)
    EXPECT_EQ(executor.run(graph.costs()).time_since_epoch(), sim::Duration(1ms + 154us));
    for (const sim::OpId op : done) {
      EXPECT_GE(executor.finished(op).time_since_epoch(), sim::Duration(1ms + 77us));
    }
  }
}

TEST(Collectives, RefuseADeviceTwiceAndHalfReady) {
  const Star star(4, kLink);
  sim::OpGraphBuilder builder(star.network);
  CollectiveRequest twice = request(Kind::kAllReduce, 4, 1_MB);
  twice.devices[3] = 0;
  EXPECT_THROW(
      (void)emit_collective(builder, star.route_of(), twice, Algorithm::kRing, Granularity::kBulk),
      std::invalid_argument);
  const std::array half{builder.add(sim::Delay{})};
  EXPECT_THROW((void)emit_collective(builder, star.route_of(), request(Kind::kAllReduce, 4, 1_MB),
                                     Algorithm::kRing, Granularity::kBulk, half),
               std::invalid_argument);
}

// 8 GPUs on an NVSwitch: every path is as fast as the first, so the formula holds.
TEST(Collectives, RunOnTheRoutesOfARig) {
  const RigNetwork network(rig_of(8, h100_sxm()));
  sim::OpGraphBuilder builder(network.network());
  CopyRoutes copies(network, builder);
  (void)emit_collective(builder, copies, request(Kind::kAllReduce, 8, 64_MB), Algorithm::kRing,
                        Granularity::kStepwise);
  const LinkCost link = link_cost(builder.network(), copies.between(0, 1).route);
  const sim::OpGraph graph = std::move(builder).compile();
  EXPECT_EQ(sim::Executor(graph).run(graph.costs()).time_since_epoch(),
            collective_time(Kind::kAllReduce, Algorithm::kRing, 8, 64_MB, {link}));
}

}  // namespace
}  // namespace rigsim::topology
