#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "sim/executor.h"
#include "tests/bench/cluster_rig.h"
#include "tests/bench/compare.h"
#include "topology/collective_ops.h"

namespace rigsim::bench {
namespace {

using sim::Bytes;
using topology::Algorithm;
using topology::CollectiveKind;
using topology::CollectiveOptions;
using topology::CollectiveRequest;
using topology::Granularity;

constexpr Bytes kSize(1'000'000'000);

enum class Placement { kInOrder, kShuffled };

// Ranks machine by machine; shuffled, the machines are in an order that knows nothing of the
// leaves, so that most rings and rails cross the spine.
CollectiveRequest all_reduce(std::uint32_t gpus, Placement placement) {
  std::vector<std::uint32_t> machines(gpus / ClusterRig::kPerMachine);
  std::iota(machines.begin(), machines.end(), 0U);
  if (placement == Placement::kShuffled) {
    std::mt19937_64 random(1);
    for (std::size_t i = machines.size(); i > 1; --i) {
      std::swap(machines[i - 1], machines[random() % i]);
    }
  }
  CollectiveRequest request{CollectiveKind::kAllReduce, {}, kSize};
  for (const std::uint32_t machine : machines) {
    for (std::uint32_t i = 0; i < ClusterRig::kPerMachine; ++i) {
      request.devices.push_back(machine * ClusterRig::kPerMachine + i);
    }
  }
  return request;
}

// Finding the routes, building the graph and running it once.
struct Outcome {
  sim::Duration time{};
  double build_s = 0;
  double run_s = 0;
  std::size_t ops = 0;
  std::size_t bytes = 0;
};

Outcome simulate(const ClusterRig& cluster, const CollectiveRequest& request, Algorithm algorithm,
                 Granularity granularity, const CollectiveOptions& options) {
  Outcome outcome;
  sim::OpGraphBuilder builder(cluster.network.network());
  std::vector<sim::OpGraph> graph;
  std::vector<sim::Executor> executor;
  outcome.build_s = seconds_of([&] {
    topology::CopyRoutes routes(cluster.network, builder);
    (void)emit_collective(builder, routes, request, algorithm, granularity, {}, options);
    graph.push_back(std::move(builder).compile());
    executor.emplace_back(graph.front());
  });
  outcome.run_s = seconds_of(
      [&] { outcome.time = executor.front().run(graph.front().costs()).time_since_epoch(); });
  outcome.ops = graph.front().size();
  outcome.bytes = graph.front().memory_bytes() + executor.front().memory_bytes();
  return outcome;
}

void report(benchmark::State& state, const Outcome& outcome, double seconds) {
  state.counters["build_s"] = outcome.build_s;
  state.counters["run_s"] = outcome.run_s;
  state.counters["ops"] = static_cast<double>(outcome.ops);
  state.counters["memory_MB"] = static_cast<double>(outcome.bytes) * 1e-6;
  state.counters["simulated_ms"] = sim::to_seconds(outcome.time) * 1e3;
  state.SetIterationTime(seconds);
}

void run(benchmark::State& state, std::uint32_t gpus, Placement placement, double oversubscription,
         Algorithm algorithm, Granularity granularity, CollectiveOptions options = {}) {
  const ClusterRig& cluster = cluster_rig(gpus, oversubscription);
  const CollectiveRequest request = all_reduce(gpus, placement);
  if (algorithm == Algorithm::kHierarchical) options.machines = gpus / ClusterRig::kPerMachine;
  for (auto _ : state) {
    const Outcome outcome = simulate(cluster, request, algorithm, granularity, options);
    report(state, outcome, outcome.build_s + outcome.run_s);
  }
  state.counters["rig_s"] = cluster.build_s;
}

// The formula, on the links of a machine and of its NICs.
void BM_ClosedForm(benchmark::State& state, Algorithm algorithm) {
  const auto gpus = static_cast<std::uint32_t>(state.range(0));
  const topology::LinkCost nvlink{std::chrono::microseconds(1), sim::Bandwidth(400e9)};
  const topology::LinkCost nic{std::chrono::microseconds(4), sim::Bandwidth(48e9)};
  topology::UniformLinks links{nic};
  CollectiveOptions options;
  if (algorithm == Algorithm::kHierarchical) {
    links = {nvlink, nic};
    options.machines = gpus / ClusterRig::kPerMachine;
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(topology::collective_time(CollectiveKind::kAllReduce, algorithm, gpus,
                                                       kSize, links, options));
  }
}

// Flows where each has its links for itself.
void BM_Uncontended(benchmark::State& state, Algorithm algorithm) {
  run(state, static_cast<std::uint32_t>(state.range(0)), Placement::kInOrder, 1, algorithm,
      Granularity::kBulk);
}

// Flows that share the leaves' links, which are of 3.75 NICs for 60, in random order.
void BM_Contended(benchmark::State& state, Algorithm algorithm) {
  run(state, static_cast<std::uint32_t>(state.range(0)), Placement::kShuffled, 7, algorithm,
      Granularity::kBulk);
}

// Message by message.
void BM_Stepwise(benchmark::State& state, Algorithm algorithm, std::uint32_t pieces) {
  CollectiveOptions options;
  options.chunks = pieces;
  run(state, static_cast<std::uint32_t>(state.range(0)), Placement::kInOrder, 1, algorithm,
      Granularity::kStepwise, options);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Arg(512)->Arg(4'096)->Arg(32'768)->Unit(benchmark::kMillisecond);
}

void timed_sizes(benchmark::internal::Benchmark* benchmark) {
  sizes(benchmark);
  benchmark->UseManualTime();
}

BENCHMARK_CAPTURE(BM_ClosedForm, ring, Algorithm::kRing)->Apply(sizes);
BENCHMARK_CAPTURE(BM_ClosedForm, tree, Algorithm::kTree)->Apply(sizes);
BENCHMARK_CAPTURE(BM_ClosedForm, hierarchical, Algorithm::kHierarchical)->Apply(sizes);
BENCHMARK_CAPTURE(BM_Uncontended, ring, Algorithm::kRing)->Apply(timed_sizes);
BENCHMARK_CAPTURE(BM_Uncontended, tree, Algorithm::kTree)->Apply(timed_sizes);
BENCHMARK_CAPTURE(BM_Uncontended, hierarchical, Algorithm::kHierarchical)->Apply(timed_sizes);
BENCHMARK_CAPTURE(BM_Contended, ring, Algorithm::kRing)->Apply(timed_sizes);
BENCHMARK_CAPTURE(BM_Contended, tree, Algorithm::kTree)->Apply(timed_sizes);
BENCHMARK_CAPTURE(BM_Contended, hierarchical, Algorithm::kHierarchical)->Apply(timed_sizes);
BENCHMARK_CAPTURE(BM_Stepwise, ring, Algorithm::kRing, 1)
    ->Arg(512)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
// 2 phases of 512 x 511 messages for each of 4 pieces: 2.1 million.
BENCHMARK_CAPTURE(BM_Stepwise, direct, Algorithm::kDirect, 4)
    ->Arg(512)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rigsim::bench
