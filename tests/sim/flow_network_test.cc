#include "sim/flow_network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <random>
#include <stdexcept>
#include <vector>

#include "tests/sim/op_log.h"

namespace rigsim::sim {
namespace {

using namespace literals;
using namespace std::chrono_literals;
using testing::ElementsAre;

struct OneLink {
  Network network;
  RouteId route = network.add_route({network.add_link(10_GBps)});
};

TEST(FlowNetwork, HasNoCompletionWhenNothingMoves) {
  const OneLink one;
  FlowNetwork flows(one.network);
  EXPECT_EQ(flows.next_completion(), std::nullopt);
  EXPECT_TRUE(flows.advance(at(7)).empty());
  EXPECT_EQ(flows.now(), at(7));
}

TEST(FlowNetwork, TakesSizeOverRateForAFlowAlone) {
  const OneLink one;
  FlowNetwork flows(one.network);
  for (const std::int64_t bytes : {1LL, 7LL, 12'345'677LL, 999'999'999'999LL}) {
    const Time start = flows.now();
    flows.start(one.route, Bytes(bytes), start);
    EXPECT_EQ(*flows.next_completion() - start, Bytes(bytes) / 10_GBps);
    flows.advance(*flows.next_completion());
  }
}

// 1 B at 10^13 B/s is a tenth of a picosecond.
TEST(FlowNetwork, TakesAPicosecondAtLeast) {
  Network network;
  const RouteId route = network.add_route({network.add_link(Bandwidth(1e13))});
  FlowNetwork flows(network);
  flows.start(route, 1_B, at(3));
  EXPECT_EQ(flows.next_completion(), at(4));
}

TEST(FlowNetwork, ReturnsFlowsThatFinishTogetherInTheOrderOfTheirStart) {
  const OneLink one;
  FlowNetwork flows(one.network);
  const FlowId first = flows.start(one.route, 5_B, at(0));
  const FlowId second = flows.start(one.route, 10_B, at(0));
  flows.advance(*flows.next_completion());
  const FlowId third = flows.start(one.route, 5_B, flows.now());
  EXPECT_EQ(third, first) << "the id is free again";
  const auto finished = flows.advance(*flows.next_completion());
  EXPECT_THAT(std::vector(finished.begin(), finished.end()), ElementsAre(second, third));
}

// 10 GB/s for 1 us is 10 kB; then half of that.
TEST(FlowNetwork, TellsRatesAndWhatIsLeft) {
  const OneLink one;
  FlowNetwork flows(one.network);
  const FlowId first = flows.start(one.route, 100_kB, at(0));
  EXPECT_EQ(flows.rate(first), 10_GBps);
  const FlowId second = flows.start(one.route, 100_kB, at(0) + 1us);
  EXPECT_EQ(flows.rate(first), 5_GBps);
  EXPECT_EQ(flows.rate(second), 5_GBps);
  EXPECT_EQ(flows.remaining(first), 90e3);
  flows.advance(at(0) + 3us);
  EXPECT_EQ(flows.remaining(first), 80e3);
  EXPECT_EQ(flows.remaining(second), 90e3);
}

TEST(FlowNetwork, RefusesEmptyFlowsUnknownRoutesAndThePast) {
  const OneLink one;
  FlowNetwork flows(one.network);
  EXPECT_THROW(flows.start(one.route, 0_B, at(0)), std::invalid_argument);
  EXPECT_THROW(flows.start(RouteId{1}, 1_B, at(0)), std::invalid_argument);
  flows.start(one.route, 10_B, at(500));
  EXPECT_THROW(flows.advance(at(499)), std::logic_error);
  EXPECT_THROW(flows.start(one.route, 1_B, at(499)), std::logic_error);
  EXPECT_THROW(flows.advance(at(1501)), std::logic_error) << "a flow finishes at 1500";
  EXPECT_EQ(flows.advance(at(1500)).size(), 1U);
}

TEST(FlowNetwork, SaysThatAFlowBeyondTheClockNeverEnds) {
  Network network;
  const RouteId route = network.add_route({network.add_link(Bandwidth(1e-3))});
  FlowNetwork flows(network);
  flows.start(route, 1_GB, at(0));
  EXPECT_EQ(flows.next_completion(), Time::max());
}

TEST(FlowNetwork, StartsAfreshAfterAReset) {
  const OneLink one;
  FlowNetwork flows(one.network);
  flows.start(one.route, 10_kB, at(0));
  flows.start(one.route, 10_kB, at(0));
  flows.reset(at(100));
  EXPECT_EQ(flows.active(), 0U);
  flows.start(one.route, 10_kB, at(100));
  EXPECT_EQ(flows.next_completion(), at(100) + 1us);
}

// Bytes delivered = bytes sent: the rates, summed up over the time between events, give each flow
// its size; and no link ever carries more than its capacity.
TEST(FlowNetwork, DeliversWhatWasSentAndOverloadsNoLink) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    Network network;
    for (int i = 0; i < 6; ++i) {
      network.add_link(Bandwidth(1e9 * (1 + static_cast<double>(random() % 20))));
    }
    for (std::uint32_t i = 0; i < 6; ++i) {
      for (std::uint32_t j = 0; j < 6; ++j) {
        if (i != j) network.add_route({LinkId{i}, LinkId{j}});
      }
    }
    struct Sent {
      RouteId route;
      double bytes;
      double delivered;
    };
    std::map<FlowId, Sent> moving;
    FlowNetwork flows(network);
    for (int event = 0; event < 200; ++event) {
      while (moving.size() < 15) {
        const RouteId route{static_cast<std::uint32_t>(random() % network.route_count())};
        const Bytes size(1'000'000 + static_cast<std::int64_t>(random() % 1'000'000));
        const FlowId flow = flows.start(route, size, flows.now());
        moving[flow] = {route, static_cast<double>(size.count()), 0};
      }
      const Time next = *flows.next_completion();
      const double seconds = to_seconds(next - flows.now());
      std::vector<double> load(network.link_count());
      for (auto& [flow, sent] : moving) {
        sent.delivered += flows.rate(flow).count() * seconds;
        for (const LinkId link : network.links(sent.route)) {
          load[index_of(link)] += flows.rate(flow).count();
        }
      }
      for (std::uint32_t link = 0; link < load.size(); ++link) {
        ASSERT_LE(load[link], network.link(LinkId{link}).capacity.count() * (1 + 1e-12));
      }
      for (const FlowId flow : flows.advance(next)) {
        // A flow sees up to 400 instants, each rounded by half a picosecond: 10 B at 20 GB/s is 500
        // ps.
        ASSERT_NEAR(moving[flow].delivered, moving[flow].bytes, 10);
        moving.erase(flow);
      }
    }
  }
}

}  // namespace
}  // namespace rigsim::sim
