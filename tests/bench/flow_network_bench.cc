#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "sim/flow_network.h"
#include "tests/bench/compare.h"
#include "tests/bench/plain_filling.h"

namespace rigsim::bench {
namespace {

using sim::Bytes;
using sim::LinkId;
using sim::Network;
using sim::RouteId;
using sim::Time;

constexpr std::uint32_t kPorts = 64;
constexpr int kFlows = 10'000;

// A switch: each port has a link up and a link down of 100 GB/s; a route for every pair of ports.
Network star() {
  Network network;
  std::vector<LinkId> up;
  std::vector<LinkId> down;
  for (std::uint32_t port = 0; port < kPorts; ++port) {
    up.push_back(network.add_link(sim::Bandwidth(100e9)));
    down.push_back(network.add_link(sim::Bandwidth(100e9)));
  }
  for (std::uint32_t from = 0; from < kPorts; ++from) {
    for (std::uint32_t to = 0; to < kPorts; ++to) {
      if (from != to) network.add_route({up[from], down[to]});
    }
  }
  return network;
}

// Random routes and 1 to 2 MB per flow; the n-th flow to start is the same for both sides.
struct Traffic {
  std::vector<RouteId> route;
  std::vector<std::int64_t> bytes;

  explicit Traffic(const Network& network) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 4096; ++i) {
      route.push_back(RouteId{static_cast<std::uint32_t>(random() % network.route_count())});
      bytes.push_back(1'000'000 + static_cast<std::int64_t>(random() % 1'000'000));
    }
  }
};

// As many flows in flight as `concurrent`: when one finishes, the next starts at once. Returns the
// last finish.
double run_plain(const Network& network, const Traffic& traffic, std::size_t concurrent,
                 Solve solve, int finishes = kFlows) {
  PlainFilling flows(network, concurrent, solve);
  std::size_t next = 0;
  const auto start = [&](std::size_t slot) {
    flows.start(slot, traffic.route[next % 4096], static_cast<double>(traffic.bytes[next % 4096]));
    ++next;
  };
  for (std::size_t slot = 0; slot < concurrent; ++slot) start(slot);
  for (int done = 0; done < finishes; ++done) start(flows.advance());
  return flows.now();
}

double run_ours(sim::FlowNetwork& flows, const Traffic& traffic, std::size_t concurrent,
                int finishes = kFlows) {
  flows.reset(Time{});
  std::size_t next = 0;
  const auto start = [&](Time now) {
    flows.start(traffic.route[next % 4096], Bytes(traffic.bytes[next % 4096]), now);
    ++next;
  };
  for (std::size_t slot = 0; slot < concurrent; ++slot) start(Time{});
  Time now{};
  for (int done = 0; done < finishes;) {
    now = *flows.next_completion();
    for (std::size_t finished = flows.advance(now).size(); finished > 0; --finished, ++done) {
      start(now);
    }
  }
  return sim::to_seconds(now.time_since_epoch());
}

// Items are flows that finish. The argument is how many are in flight.
void against_plain_filling(benchmark::State& state, Solve solve) {
  const Network network = star();
  const Traffic traffic(network);
  const auto concurrent = static_cast<std::size_t>(state.range(0));
  sim::FlowNetwork flows(network);
  // Only a short run is alike: where finishes bring starts, a picosecond of rounding grows without
  // bound.
  const double ours = run_ours(flows, traffic, concurrent, 100);
  const double plain = run_plain(network, traffic, concurrent, solve, 100);
  if (std::abs(ours - plain) > 1e-6 * plain) {
    state.SkipWithError("the flow network and plain filling disagree");
    return;
  }
  compare(
      state, kFlows, [&] { benchmark::DoNotOptimize(run_ours(flows, traffic, concurrent)); },
      [&] { benchmark::DoNotOptimize(run_plain(network, traffic, concurrent, solve)); });
}
void BM_FlowNetworkAgainstPlainFilling(benchmark::State& state) {
  against_plain_filling(state, Solve::kEveryEvent);
}
BENCHMARK(BM_FlowNetworkAgainstPlainFilling)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// Plain filling is spared half of its solves: the flow that takes the place of a finished one
// starts in that instant.
void BM_FlowNetworkAgainstPlainFillingPerInstant(benchmark::State& state) {
  against_plain_filling(state, Solve::kEveryInstant);
}
BENCHMARK(BM_FlowNetworkAgainstPlainFillingPerInstant)
    ->Arg(10)
    ->Arg(100)
    ->Arg(1'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rigsim::bench
