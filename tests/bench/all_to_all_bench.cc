#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <vector>

#include "sim/flow_network.h"
#include "tests/bench/compare.h"
#include "tests/bench/naive_resolve.h"

namespace rigsim::bench {
namespace {

constexpr std::uint32_t kGpus = 8;

// 8 GPUs on an NVSwitch, and what each sends to each other: the same, or what a router of experts
// makes of it.
struct AllToAll {
  explicit AllToAll(bool even) {
    std::vector<sim::LinkId> up;
    std::vector<sim::LinkId> down;
    for (std::uint32_t gpu = 0; gpu < kGpus; ++gpu) {
      up.push_back(network.add_link(sim::Bandwidth(400e9)));
      down.push_back(network.add_link(sim::Bandwidth(400e9)));
    }
    std::mt19937_64 random(1);
    for (std::uint32_t from = 0; from < kGpus; ++from) {
      for (std::uint32_t to = 0; to < kGpus; ++to) {
        if (from == to) continue;
        route.push_back(network.add_route({up[from], down[to]}));
        bytes.push_back(even ? 1'000'000
                             : 1'000'000 + static_cast<std::int64_t>(random() % 1'000'000));
      }
    }
  }

  sim::Network network;
  std::vector<sim::RouteId> route;
  std::vector<std::int64_t> bytes;
};

std::vector<double> run_ours(sim::FlowNetwork& flows, const AllToAll& work) {
  flows.reset(sim::Time{});
  std::vector<double> finish(work.route.size());
  for (std::size_t i = 0; i < work.route.size(); ++i) {  // the ids count from 0
    flows.start(work.route[i], sim::Bytes(work.bytes[i]), sim::Time{});
  }
  while (const auto time = flows.next_completion()) {
    for (const sim::FlowId flow : flows.advance(*time)) {
      finish[index_of(flow)] = sim::to_seconds(time->time_since_epoch());
    }
  }
  return finish;
}

std::vector<double> run_naive(const AllToAll& work) {
  NaiveResolve flows(work.network);
  for (std::size_t i = 0; i < work.route.size(); ++i) {
    flows.start(work.route[i], static_cast<double>(work.bytes[i]));
  }
  return flows.run();
}

// Items are all-to-alls of 56 flows. Both must give each flow the same finish, to the picosecond of
// the clock.
void BM_AllToAllAgainstNaiveResolve(benchmark::State& state, bool even) {
  const AllToAll work(even);
  sim::FlowNetwork flows(work.network);
  flows.reserve(work.route);
  const std::vector<double> ours = run_ours(flows, work);
  const std::vector<double> naive = run_naive(work);
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (std::abs(ours[i] - naive[i]) > 2e-12) {
      state.SkipWithError("the flow network and the naive solver disagree");
      return;
    }
  }
  compare(
      state, 1, [&] { benchmark::DoNotOptimize(run_ours(flows, work)); },
      [&] { benchmark::DoNotOptimize(run_naive(work)); });
}
BENCHMARK_CAPTURE(BM_AllToAllAgainstNaiveResolve, even, true)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_AllToAllAgainstNaiveResolve, uneven, false)
    ->UseManualTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rigsim::bench
