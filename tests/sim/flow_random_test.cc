#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

#include "sim/flow_network.h"
#include "sim/max_min.h"
#include "tests/sim/naive_flows.h"

namespace rigsim::sim {
namespace {

using Random = std::mt19937_64;

int uniform(Random& random, int low, int high) {
  return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
}

// Links of 1 to 100 GB/s, some equal; routes over 1 to 4 of them, a third of them capped.
Network random_network(Random& random, int links, int routes) {
  Network network;
  for (int i = 0; i < links; ++i) {
    const double capacity = uniform(random, 0, 1) == 0 ? 10e9 : 1e9 * uniform(random, 1, 100) + 0.3;
    network.add_link(Bandwidth(capacity));
  }
  for (int i = 0; i < routes; ++i) {
    std::vector<LinkId> way;
    for (int hop = uniform(random, 1, std::min(4, links)); hop > 0; --hop) {
      const LinkId link{static_cast<std::uint32_t>(uniform(random, 0, links - 1))};
      if (std::ranges::find(way, link) == way.end()) way.push_back(link);
    }
    std::optional<Bandwidth> cap;
    if (uniform(random, 0, 2) == 0) cap = Bandwidth(1e8 * uniform(random, 1, 300));
    network.add_route(way, {}, cap);
  }
  return network;
}

RouteId random_route(Random& random, const Network& network) {
  return RouteId{static_cast<std::uint32_t>(random() % network.route_count())};
}

TEST(MaxMin, AgreesWithFillingFromNothingAfterEveryChangeOfRandomFlows) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Random random(seed);
    const Network network = random_network(random, uniform(random, 1, 12), uniform(random, 1, 20));
    MaxMin shares(network);
    std::map<std::uint32_t, RouteId> flows;
    for (int change = 0; change < 60; ++change) {
      for (int batch = uniform(random, 1, 3); batch > 0; --batch) {
        const auto flow = static_cast<std::uint32_t>(uniform(random, 0, 30));
        if (flows.erase(flow) > 0) {
          shares.remove(flow);
        } else {
          flows[flow] = random_route(random, network);
          shares.add(flow, flows[flow]);
        }
      }
      shares.solve();
      std::vector<RouteId> routes;
      for (const auto& [flow, route] : flows) routes.push_back(route);
      const std::vector<long double> expected = naive::rates(network, routes);
      std::size_t i = 0;
      for (const auto& [flow, route] : flows) {
        const auto rate = static_cast<double>(expected[i++]);
        ASSERT_NEAR(shares.rate(flow), rate, 1e-11 * rate)
            << "flow " << flow << " change " << change;
      }
    }
  }
}

std::vector<naive::Flow> random_flows(Random& random, const Network& network) {
  std::vector<naive::Flow> flows;
  for (int count = uniform(random, 1, 40); count > 0; --count) {
    // 1 B to 1 GB, evenly in the logarithm; a quarter of a round size, a third at a round time.
    auto bytes = static_cast<std::int64_t>(std::pow(10.0, uniform(random, 0, 9000) / 1000.0));
    if (uniform(random, 0, 3) == 0) bytes = 1'000'000;
    std::int64_t start = static_cast<std::int64_t>(random() % 10'000'000'000);
    if (uniform(random, 0, 2) == 0) start = 1'000'000'000LL * uniform(random, 0, 3);
    flows.push_back({random_route(random, network), bytes, start});
  }
  std::ranges::sort(flows, {}, &naive::Flow::start_ps);
  return flows;
}

std::vector<std::int64_t> completion_times(const Network& network,
                                           const std::vector<naive::Flow>& flows) {
  FlowNetwork moving(network);
  std::vector<std::int64_t> ends(flows.size());
  std::map<FlowId, std::size_t> which;
  std::size_t next = 0;
  while (next < flows.size() || moving.active() > 0) {
    const auto completion = moving.next_completion();
    const Time start = next < flows.size() ? Time(Duration(flows[next].start_ps)) : Time::max();
    if (completion && *completion <= start) {
      for (const FlowId flow : moving.advance(*completion)) {
        ends[which[flow]] = completion->time_since_epoch().count();
      }
    } else {
      which[moving.start(flows[next].route, Bytes(flows[next].bytes), start)] = next;
      ++next;
    }
  }
  return ends;
}

TEST(FlowNetwork, AgreesWithTheNaiveExactSolverOnTenThousandRandomCases) {
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    Random random(seed);
    const Network network = random_network(random, uniform(random, 1, 8), uniform(random, 1, 12));
    const std::vector<naive::Flow> flows = random_flows(random, network);
    const std::vector<naive::Outcome> expected = naive::run(network, flows);
    const std::vector<std::int64_t> ends = completion_times(network, flows);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const long double duration = expected[i].end_ps - static_cast<long double>(flows[i].start_ps);
      const long double tolerance =
          std::max(1e-9L * duration, static_cast<long double>(expected[i].events));
      ASSERT_LE(std::abs(static_cast<long double>(ends[i]) - expected[i].end_ps), tolerance)
          << "seed " << seed << " flow " << i << " of " << flows.size();
    }
  }
}

}  // namespace
}  // namespace rigsim::sim
