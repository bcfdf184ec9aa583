#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/executor.h"
#include "tests/sim/op_log.h"

// Completion times derived by hand. Rates are in GB/s, sizes in kB, times in us: 1 kB at 1 GB/s
// takes 1 us.

namespace rigsim::sim {
namespace {

struct LinkSpec {
  double capacity;
  double latency = 0;
};

struct RouteSpec {
  std::vector<std::uint32_t> links;
  double extra_latency = 0;
  std::optional<double> cap = std::nullopt;
};

struct FlowSpec {
  std::uint32_t route;
  double size;
  double start;
  double end;  // expected
};

struct Case {
  std::string name;
  std::vector<LinkSpec> links;
  std::vector<RouteSpec> routes;
  std::vector<FlowSpec> flows;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Duration us(double microseconds) { return from_seconds(microseconds * 1e-6); }

Network network_of(const Case& c) {
  Network network;
  for (const LinkSpec& link : c.links) {
    network.add_link(Bandwidth(link.capacity * 1e9), us(link.latency));
  }
  for (const RouteSpec& route : c.routes) {
    std::vector<LinkId> links;
    for (const std::uint32_t link : route.links) links.push_back(LinkId{link});
    std::optional<Bandwidth> cap;
    if (route.cap) cap = Bandwidth(*route.cap * 1e9);
    network.add_route(links, us(route.extra_latency), cap);
  }
  return network;
}

std::vector<Case> cases() {
  return {
      // 30 / 10.
      {"AloneOnALink", {{10}}, {{{0}}}, {{0, 30, 0, 3}}},
      // 5 each: 10 / 5.
      {"TwoAlikeShareALink", {{10}}, {{{0}}}, {{0, 10, 0, 2}, {0, 10, 0, 2}}},
      // 5 each until 10 / 5 = 2; the long one has 20 left, alone: 2 + 20 / 10.
      {"TheLongerSpeedsUpWhenTheShorterIsDone", {{10}}, {{{0}}}, {{0, 10, 0, 2}, {0, 30, 0, 4}}},
      // The first moves 10 alone until 1, then 5/us: the other 10 until 3. The second has moved 10
      // by then, 10 left.
      {"AStaggeredStartHalvesTheRate", {{10}}, {{{0}}}, {{0, 20, 0, 3}, {0, 20, 1, 4}}},
      // By 1: 12. By 2: 18 and 6. Then 4 each: the first has 6 left, 1.5 us: 3.5. Then the second
      // has 12 left and the
      // third 18, 6 each: 5.5. Then the third has 6 left at 12: 6.
      {"ThreeStaggeredStarts", {{12}}, {{{0}}}, {{0, 24, 0, 3.5}, {0, 24, 1, 5.5}, {0, 24, 2, 6}}},
      // The first is done at 1, the instant in which the second starts: neither slows the other.
      {"AStartInTheInstantOfAFinishDoesNotShare", {{10}}, {{{0}}}, {{0, 10, 0, 1}, {0, 10, 1, 2}}},
      // The slower of 10 and 4: 8 / 4.
      {"TheSlowestLinkOfARouteDecides", {{10}, {4}}, {{{0, 1}}}, {{0, 8, 0, 2}}},
      // The second is held to 2 by link 1, so the first gets 8 of link 0: 16 / 8 and 8 / 2.
      {"WhatOneCannotUseTheOtherGets",
       {{10}, {2}},
       {{{0}}, {{0, 1}}},
       {{0, 16, 0, 2}, {1, 8, 0, 4}}},
      // Link 1 gives 3 each to flows 2 and 3, flow 1 gets the other 7. At 6 / 3 = 2 flow 3 is done;
      // flow 2 has 6 left,
      // flow 1 30 - 14 = 16. Now link 0 is flow 2's bottleneck: 5 each. Flow 2: 2 + 6 / 5; flow 1
      // has 10 left: 3.2 + 1.
      {"TheBottleneckMovesToTheOtherLink",
       {{10}, {6}},
       {{{0}}, {{0, 1}}, {{1}}},
       {{0, 30, 0, 4.2}, {1, 12, 0, 3.2}, {2, 6, 0, 2}}},
      // Link 0: 2 each; flow 3 gets 6 - 2 = 4. At 4 / 2 = 2 flow 1 is done; flow 2 may have 4 of
      // link 0, but link 1 now
      // gives 3 each: flow 3 slows down. Flow 2 has 6 left: 4. Flow 3: 20 - 8 - 6 = 6 left at 6: 5.
      {"AFinishElsewhereSlowsAFlow",
       {{4}, {6}},
       {{{0}}, {{0, 1}}, {{1}}},
       {{0, 4, 0, 2}, {1, 10, 0, 4}, {2, 20, 0, 5}}},
      // 8 / 4, though the link has 10.
      {"ACapHoldsOnAnIdleLink", {{10}}, {{{0}, 0, 4}}, {{0, 8, 0, 2}}},
      // 2 and 8: 4 / 2 = 2; the other has 24 - 16 = 8 left at 10.
      {"WhatACappedFlowLeavesIsUsed",
       {{10}},
       {{{0}, 0, 2}, {{0}}},
       {{0, 4, 0, 2}, {1, 24, 0, 2.8}}},
      // 5 each, below the cap of 6, until 10 / 5 = 2; then the first has 5 left, at 6.
      {"ACapBindsOnlyOnceTheLinkIsFree",
       {{10}},
       {{{0}, 0, 6}, {{0}}},
       {{0, 15, 0, 2 + 5.0 / 6}, {1, 10, 0, 2}}},
      // 2, 4 and the rest, 6: 4 / 2, 8 / 4; the third has 18 - 12 = 6 left at 12.
      {"CapsFillFromTheSmallest",
       {{12}},
       {{{0}, 0, 2}, {{0}, 0, 4}, {{0}}},
       {{0, 4, 0, 2}, {1, 8, 0, 2}, {2, 18, 0, 2.5}}},
      // A route without links: 6 / 3, each by itself.
      {"ARouteOfACapOnly", {}, {{{}, 0, 3}}, {{0, 6, 0, 2}, {0, 6, 0, 2}}},
      // 1 + 10 / 10.
      {"LatencyComesFirst", {{10, 1}}, {{{0}}}, {{0, 10, 0, 2}}},
      // 0.5 + 0.25 + 0.25 + 10 / 5.
      {"LatenciesOfARouteAddUp", {{10, 0.5}, {5, 0.25}}, {{{0, 1}, 0.25}}, {{0, 10, 0, 3}}},
      // Both start at 0; the second pays 1 us first and holds nothing meanwhile: as
      // AStaggeredStartHalvesTheRate.
      {"AFlowInItsLatencyTakesNoShare", {{10}}, {{{0}}, {{0}, 1}}, {{0, 20, 0, 3}, {1, 20, 0, 4}}},
      // 7 / 3 each, no whole number of picoseconds: 10 / (7 / 3) = 30 / 7.
      {"ThirdsEndTogether",
       {{7}},
       {{{0}}},
       {{0, 10, 0, 30.0 / 7}, {0, 10, 0, 30.0 / 7}, {0, 10, 0, 30.0 / 7}}},
      // 1.5 each: 2 / 3; then 1 left at 3: 1, exactly, though the instant before was not a whole
      // picosecond.
      {"FractionsOfAPicosecondAreNotLost", {{3}}, {{{0}}}, {{0, 1, 0, 2.0 / 3}, {0, 2, 0, 1}}},
      // Parking lot: 5 each. At 2 the long flow and the first short one are done; 10 and 20 are
      // left, at 10.
      {"AParkingLot",
       {{10}, {10}, {10}},
       {{{0, 1, 2}}, {{0}}, {{1}}, {{2}}},
       {{0, 10, 0, 2}, {1, 10, 0, 2}, {2, 20, 0, 3}, {3, 30, 0, 4}}},
      // 3 each. At 2 the first is done; the others still share link 2, 3 each: 4. Then 6 left at
      // 6: 5.
      {"ATriangleOfLinks",
       {{6}, {6}, {6}},
       {{{0, 1}}, {{1, 2}}, {{2, 0}}},
       {{0, 6, 0, 2}, {1, 12, 0, 4}, {2, 18, 0, 5}}},
      // Four into one port: 2.5 each.
      {"FourSendersIntoOnePort",
       {{10}, {10}, {10}, {10}, {10}},
       {{{0, 4}}, {{1, 4}}, {{2, 4}}, {{3, 4}}},
       {{0, 10, 0, 4}, {1, 10, 0, 4}, {2, 10, 0, 4}, {3, 10, 0, 4}}},
      // One of them has 1 only: the others get 4.5 each. 2 / 1 and 9 / 4.5 at 2; the third has 9
      // left at 10.
      {"ASlowSenderLeavesMoreToTheOthers",
       {{1}, {10}, {10}, {10}},
       {{{0, 3}}, {{1, 3}}, {{2, 3}}},
       {{0, 2, 0, 2}, {1, 9, 0, 2}, {2, 18, 0, 2.9}}},
      // Two pairs on links of their own: 10 / 5 and 10 / 2.5, the second pair from 0.5 on.
      {"FlowsThatShareNoLinkDoNotMeet",
       {{10}, {5}},
       {{{0}}, {{1}}},
       {{0, 10, 0, 2}, {1, 10, 0.5, 4.5}, {0, 10, 0, 2}, {1, 10, 0.5, 4.5}}},
      // Flow 2 is held to 2 by link 1, flow 1 gets 98. At 2 flow 3 starts: flow 2 has 4 left, 1
      // each, flow 1 gets 99.
      // Flow 3 is done at 6 and so is flow 2. Flow 1: 98 * 2 + 99 * 4 = 592 by then, 8 left at
      // 100: 6.08.
      {"AStartElsewhereSpeedsAFlowUp",
       {{100}, {2}},
       {{{0}}, {{0, 1}}, {{1}}},
       {{0, 600, 0, 6.08}, {1, 8, 0, 6}, {2, 4, 2, 6}}},
  };
}

class FlowCase : public testing::TestWithParam<Case> {};

TEST_P(FlowCase, EndsWhenDerivedByHand) {
  const Case& c = GetParam();
  OpGraphBuilder builder(network_of(c));
  std::vector<OpId> transfers;
  for (const FlowSpec& flow : c.flows) {
    const OpId wait = builder.add(Delay{us(flow.start)});
    const Bytes size(std::llround(flow.size * 1000));
    transfers.push_back(builder.add(Transfer{RouteId{flow.route}, size}, {wait}));
  }
  const OpGraph graph = std::move(builder).compile();
  Executor executor(graph);
  executor.run(graph.costs());
  for (std::size_t i = 0; i < c.flows.size(); ++i) {
    const auto end =
        static_cast<double>(executor.finished(transfers[i]).time_since_epoch().count());
    EXPECT_NEAR(end, c.flows[i].end * 1e6, 1) << "flow " << i << ", in picoseconds";
  }
}

INSTANTIATE_TEST_SUITE_P(HandDerived, FlowCase, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.name; });

// A link of 3 GB/s is busy from the first byte to the last: 3,000,000 B of one flow and 300 times 1
// B, one each microsecond, end at 3,000,300 B / 3 GB/s, whatever happened in between; 600 events
// leave no drift.
TEST(FlowNetwork, LosesNothingOverHundredsOfInterruptions) {
  Network network;
  const RouteId route = network.add_route({network.add_link(Bandwidth(3e9))});
  FlowNetwork flows(network);
  const FlowId big = flows.start(route, Bytes(3'000'000), at(0));
  int finished = 0;
  for (int i = 1; i <= 300; ++i) {
    while (*flows.next_completion() <= at(i * 1'000'000)) {
      finished += static_cast<int>(flows.advance(*flows.next_completion()).size());
    }
    flows.start(route, Bytes(1), at(i * 1'000'000));
  }
  finished += static_cast<int>(flows.advance(*flows.next_completion()).size());
  EXPECT_EQ(finished, 300);
  EXPECT_EQ(flows.rate(big), Bandwidth(3e9));
  EXPECT_EQ(flows.next_completion(), at(1'000'100'000));
}

}  // namespace
}  // namespace rigsim::sim
