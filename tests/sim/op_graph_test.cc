#include "sim/op_graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

namespace rigsim::sim {
namespace {

using namespace literals;
using testing::ElementsAre;

std::string error_of(OpGraphBuilder builder) {
  try {
    (void)std::move(builder).compile();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(OpGraph, AnswersForEachOpWhatItUsesCostsAndIsFollowedBy) {
  Network network;
  const RouteId route = network.add_route({network.add_link(1_GBps)});
  OpGraphBuilder builder(network);
  const ResourceId stream = builder.add_resource();
  const OpId launch = builder.add(Delay{Duration(5)});
  const OpId kernel = builder.add(Exclusive{stream, Duration(70)}, {launch});
  const OpId copy = builder.add(Transfer{route, 900_B}, {kernel, launch});
  const OpGraph graph = std::move(builder).compile();

  EXPECT_EQ(graph.size(), 3U);
  EXPECT_EQ(graph.resource_count(), 1U);
  EXPECT_THAT(graph.costs().amount, ElementsAre(5, 70, 900));
  EXPECT_EQ(graph.kind(launch), OpKind::kDelay);
  EXPECT_EQ(graph.kind(kernel), OpKind::kExclusive);
  EXPECT_EQ(graph.kind(copy), OpKind::kTransfer);
  EXPECT_EQ(graph.resource(kernel), stream);
  EXPECT_EQ(graph.resource(copy), std::nullopt);
  EXPECT_EQ(graph.route(copy), route);
  EXPECT_EQ(graph.route(launch), std::nullopt);
  EXPECT_THAT(graph.successors(launch), ElementsAre(kernel, copy));
  EXPECT_TRUE(graph.successors(copy).empty());
  EXPECT_EQ(graph.in_degree(copy), 2U);
}

TEST(OpGraph, KeepsTheOrderInWhichEdgesWereAdded) {
  OpGraphBuilder builder;
  for (int i = 0; i < 4; ++i) builder.add(Delay{});
  for (const std::uint32_t after : {3U, 1U, 2U}) builder.precede(OpId{0}, OpId{after});
  const OpGraph graph = std::move(builder).compile();
  EXPECT_THAT(graph.successors(OpId{0}), ElementsAre(OpId{3}, OpId{1}, OpId{2}));
}

TEST(OpGraph, AllowsAnEdgeToBeSaidBeforeItsOps) {
  OpGraphBuilder builder;
  builder.precede(OpId{1}, OpId{0});
  builder.add(Delay{});
  builder.add(Delay{});
  EXPECT_EQ(std::move(builder).compile().in_degree(OpId{0}), 1U);
}

TEST(OpGraph, NamesTheOpsOfACircle) {
  OpGraphBuilder builder;
  for (int i = 0; i < 5; ++i) builder.add(Delay{});
  builder.precede(OpId{0}, OpId{2});
  builder.precede(OpId{2}, OpId{3});
  builder.precede(OpId{3}, OpId{1});
  builder.precede(OpId{1}, OpId{2});
  builder.precede(OpId{1}, OpId{4});
  EXPECT_EQ(error_of(std::move(builder)), "ops wait for each other in a circle: 1 -> 2 -> 3 -> 1");
}

TEST(OpGraph, CallsAnOpThatWaitsForItselfACircle) {
  OpGraphBuilder builder;
  builder.add(Delay{});
  builder.precede(OpId{0}, OpId{0});
  EXPECT_EQ(error_of(std::move(builder)), "ops wait for each other in a circle: 0 -> 0");
}

TEST(OpGraph, ShortensALongCircle) {
  OpGraphBuilder builder;
  for (std::uint32_t i = 0; i < 100; ++i) {
    builder.add(Delay{});
    builder.precede(OpId{i}, OpId{(i + 1) % 100});
  }
  EXPECT_THAT(error_of(std::move(builder)), testing::HasSubstr("(92 more)"));
}

TEST(OpGraph, NamesWhatDoesNotExist) {
  OpGraphBuilder resource;
  resource.add(Delay{});
  resource.add(Exclusive{ResourceId{2}, Duration(1)});
  EXPECT_EQ(error_of(std::move(resource)), "op 1: resource 2 does not exist, there are 0");

  OpGraphBuilder route;
  route.add(Transfer{RouteId{0}, 1_B});
  EXPECT_EQ(error_of(std::move(route)), "op 0: route 0 does not exist, there are 0");

  OpGraphBuilder successor;
  successor.add(Delay{});
  successor.precede(OpId{0}, OpId{9});
  EXPECT_EQ(error_of(std::move(successor)), "op 0: successor 9 does not exist, there are 1");

  OpGraphBuilder predecessor;
  predecessor.add(Delay{});
  predecessor.precede(OpId{9}, OpId{0});
  EXPECT_EQ(error_of(std::move(predecessor)), "op 0: predecessor 9 does not exist, there are 1");
}

TEST(OpGraph, RefusesNegativeDurationsAndSizes) {
  OpGraphBuilder delay;
  delay.add(Delay{Duration(-4)});
  EXPECT_EQ(error_of(std::move(delay)), "op 0: duration must be >= 0, got -4 ps");

  Network network;
  network.add_route({network.add_link(1_GBps)});
  OpGraphBuilder transfer(network);
  transfer.add(Transfer{RouteId{0}, Bytes(-1)});
  EXPECT_EQ(error_of(std::move(transfer)), "op 0: size must be >= 0, got -1 B");
}

}  // namespace
}  // namespace rigsim::sim
