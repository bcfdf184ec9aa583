#include "sim/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <string>

namespace rigsim::sim {
namespace {

using namespace literals;
using testing::ElementsAre;

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

TEST(Network, AddsUpTheLatenciesOfARoute) {
  Network network;
  const LinkId a = network.add_link(10_GBps, Duration(300));
  const LinkId b = network.add_link(5_GBps, Duration(40));
  const RouteId route = network.add_route({a, b}, Duration(5), 2_GBps);
  EXPECT_EQ(network.link_count(), 2U);
  EXPECT_EQ(network.link(b).capacity, 5_GBps);
  EXPECT_EQ(network.latency(route), Duration(345));
  EXPECT_EQ(network.cap(route), 2_GBps);
  EXPECT_THAT(network.links(route), ElementsAre(a, b));
}

TEST(Network, AllowsARouteOfACapOnly) {
  Network network;
  const RouteId route = network.add_route({}, Duration(9), 1_GBps);
  EXPECT_TRUE(network.links(route).empty());
  EXPECT_EQ(network.latency(route), Duration(9));
}

TEST(Network, RefusesLinksThatCannotBe) {
  Network network;
  EXPECT_EQ(error_of([&] { network.add_link(0_GBps); }),
            "link 0: capacity must be > 0 B/s and finite, got 0 B/s");
  EXPECT_NE(error_of([&] { network.add_link(Bandwidth(-1)); }), "no error");
  EXPECT_NE(error_of([&] { network.add_link(Bandwidth(std::numeric_limits<double>::infinity())); }),
            "no error");
  EXPECT_NE(
      error_of([&] { network.add_link(Bandwidth(std::numeric_limits<double>::quiet_NaN())); }),
      "no error");
  EXPECT_EQ(error_of([&] { network.add_link(1_GBps, Duration(-2)); }),
            "link 0: latency must be >= 0 ps, got -2 ps");
}

TEST(Network, RefusesRoutesThatCannotBe) {
  Network network;
  const LinkId link = network.add_link(1_GBps);
  EXPECT_EQ(error_of([&] { network.add_route({LinkId{3}}); }),
            "route 0: link 3 does not exist, there are 1");
  EXPECT_EQ(error_of([&] { network.add_route({link, link}); }),
            "route 0: crosses link 0 twice, at most once is allowed");
  EXPECT_EQ(error_of([&] { network.add_route({link}, Duration(-1)); }),
            "route 0: extra latency must be >= 0 ps, got -1 ps");
  EXPECT_EQ(error_of([&] { network.add_route({link}, Duration(0), 0_GBps); }),
            "route 0: cap must be > 0 B/s and finite, got 0 B/s");
  EXPECT_EQ(error_of([&] { network.add_route({}); }),
            "route 0: has neither a link nor a cap, its rate would be unlimited");
  EXPECT_EQ(network.route_count(), 0U);
}

}  // namespace
}  // namespace rigsim::sim
