#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "sim/max_min.h"
#include "tests/sim/naive_flows.h"

namespace rigsim::sim {
namespace {

// Ports on leaves, whose links up and down are as fast as all of their ports, or a little less, and
// a route from every port to every other; some routes are capped.
Network two_levels(std::uint32_t leaves, std::uint32_t ports, double uplink, bool caps) {
  Network network;
  std::vector<LinkId> out;
  std::vector<LinkId> in;
  std::vector<LinkId> up;
  std::vector<LinkId> down;
  for (std::uint32_t port = 0; port < leaves * ports; ++port) {
    out.push_back(network.add_link(Bandwidth(48e9)));
    in.push_back(network.add_link(Bandwidth(48e9)));
  }
  for (std::uint32_t leaf = 0; leaf < leaves; ++leaf) {
    up.push_back(network.add_link(Bandwidth(uplink * 48e9 * ports)));
    down.push_back(network.add_link(Bandwidth(uplink * 48e9 * ports)));
  }
  for (std::uint32_t from = 0; from < leaves * ports; ++from) {
    for (std::uint32_t to = 0; to < leaves * ports; ++to) {
      if (from == to) continue;
      std::vector<LinkId> way{out[from], in[to]};
      if (from / ports != to / ports) {
        way = {out[from], up[from / ports], down[to / ports], in[to]};
      }
      std::optional<Bandwidth> cap;
      if (caps && (from + to) % 5 == 0) cap = Bandwidth(0.2e9 * (1 + to % 3));
      network.add_route(way, {}, cap);
    }
  }
  return network;
}

void expect_fair(const Network& network, MaxMin& shares, const std::set<std::uint32_t>& flows) {
  shares.solve();
  std::vector<RouteId> routes;
  for (const std::uint32_t flow : flows) routes.push_back(RouteId{flow});
  const std::vector<long double> expected = naive::rates(network, routes);
  std::size_t i = 0;
  for (const std::uint32_t flow : flows) {
    const auto rate = static_cast<double>(expected[i++]);
    ASSERT_NEAR(shares.rate(flow), rate, 1e-10 * rate) << "flow " << flow;
  }
}

// Thousands of flows that come together and leave in crowds: every solve ends, at the fair rates.
TEST(MaxMin, AgreesWithFillingFromNothingWhenCrowdsComeAndLeave) {
  std::mt19937_64 random(1);
  for (const double uplink : {1.0, 0.9, 0.25}) {
    for (const bool caps : {false, true}) {
      const Network network = two_levels(4, 12, uplink, caps);
      const auto all = static_cast<std::uint32_t>(network.route_count());
      MaxMin shares(network);
      std::set<std::uint32_t> flows;
      for (std::uint32_t flow = 0; flow < all; ++flow) {
        shares.add(flow, RouteId{flow});
        flows.insert(flow);
      }
      expect_fair(network, shares, flows);
      for (int crowd = 0; crowd < 6; ++crowd) {
        for (std::uint32_t flow = 0; flow < all; ++flow) {
          if (random() % 3 != 0) continue;
          if (flows.erase(flow) > 0) {
            shares.remove(flow);
          } else if (random() % 4 == 0) {
            shares.add(flow, RouteId{flow});
            flows.insert(flow);
          }
        }
        expect_fair(network, shares, flows);
      }
    }
  }
}

// 384 ports, each with a flow to each other of another leaf: those on one link are so many that
// their sum's rounding once sent its level back and forth for ever.
TEST(MaxMin, EndsWithThousandsOfFlowsOnALink) {
  const Network network = two_levels(12, 32, 1, false);
  MaxMin shares(network);
  for (std::uint32_t flow = 0; flow < network.route_count(); ++flow) {
    shares.add(flow, RouteId{flow});
  }
  shares.solve();
  EXPECT_NEAR(shares.rate(0), 48e9 / 383, 1e-3);
  for (std::uint32_t flow = 0; flow < network.route_count(); ++flow) {
    if (network.links(RouteId{flow}).size() == 2) shares.remove(flow);
  }
  shares.solve();
  EXPECT_NEAR(shares.rate(31), 48e9 / 352, 1e-3);  // port 0 to port 32, the first of another leaf
}

}  // namespace
}  // namespace rigsim::sim
