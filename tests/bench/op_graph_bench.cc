#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "sim/executor.h"
#include "tests/bench/bare_loop.h"
#include "tests/bench/compare.h"

namespace rigsim::bench {
namespace {

using sim::Costs;
using sim::Executor;
using sim::KeepPath;
using sim::OpGraph;
using sim::OpId;
using sim::Time;

constexpr std::uint32_t kOps = 1'000'000;

// Kernels of up to 1 us on random resources, each after one to three of the 64 ops before it.
OpGraph million_ops(std::uint32_t resources) {
  std::mt19937_64 random(1);
  sim::OpGraphBuilder builder;
  builder.reserve(kOps, 3 * kOps);
  for (std::uint32_t i = 0; i < resources; ++i) builder.add_resource();
  for (std::uint32_t op = 0; op < kOps; ++op) {
    const auto resource = static_cast<std::uint32_t>(random() % resources);
    builder.add(sim::Exclusive{sim::ResourceId{resource},
                               sim::Duration(1 + static_cast<std::int64_t>(random() % 1'000'000))});
    for (std::uint64_t edges = 1 + random() % 3; edges > 0 && op > 0; --edges) {
      const auto back = static_cast<std::uint32_t>(1 + random() % std::min(op, 64U));
      builder.precede(OpId{op - back}, OpId{op});
    }
  }
  return std::move(builder).compile();
}

// Items are ops. `bytes_per_op` counts the graph with its costs and the executor.
void BM_ExecutorAgainstBareLoop(benchmark::State& state) {
  const OpGraph graph = million_ops(static_cast<std::uint32_t>(state.range(0)));
  Executor executor(graph);
  BareLoop bare(graph);
  const Costs& costs = graph.costs();
  if (executor.run(costs).time_since_epoch().count() != bare.run(costs.amount)) {
    state.SkipWithError("the executor and the bare loop disagree");
    return;
  }
  compare(
      state, kOps, [&] { benchmark::DoNotOptimize(executor.run(costs)); },
      [&] { benchmark::DoNotOptimize(bare.run(costs.amount)); });
  state.counters["bytes_per_op"] =
      static_cast<double>(graph.memory_bytes() + executor.memory_bytes()) / kOps;
}
BENCHMARK(BM_ExecutorAgainstBareLoop)
    ->Arg(2)
    ->Arg(8)
    ->Arg(64)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// The cost of keeping the critical path: with it, against without.
void BM_CriticalPathAgainstNone(benchmark::State& state) {
  const OpGraph graph = million_ops(static_cast<std::uint32_t>(state.range(0)));
  Executor executor(graph);
  const Costs& costs = graph.costs();
  compare(
      state, kOps, [&] { benchmark::DoNotOptimize(executor.run<KeepPath::kYes>(costs)); },
      [&] { benchmark::DoNotOptimize(executor.run<KeepPath::kNo>(costs)); });
}
BENCHMARK(BM_CriticalPathAgainstNone)->Arg(8)->UseManualTime()->Unit(benchmark::kMillisecond);

// What a trace writer does before it compresses: one row per op into columns.
struct Recorder final : sim::Observer {
  std::vector<OpId> op;
  std::vector<Time> start;
  std::vector<Time> end;
  std::vector<std::uint32_t> row;

  Recorder() : row(kOps) {
    op.reserve(kOps);
    start.reserve(kOps);
    end.reserve(kOps);
  }
  void clear() {
    op.clear();
    start.clear();
    end.clear();
  }
  void op_started(OpId id, Time now) override {
    row[index_of(id)] = static_cast<std::uint32_t>(op.size());
    op.push_back(id);
    start.push_back(now);
    end.push_back(now);
  }
  void op_finished(OpId id, Time now) override { end[row[index_of(id)]] = now; }
};

void BM_RecordingObserverAgainstNone(benchmark::State& state) {
  const OpGraph graph = million_ops(static_cast<std::uint32_t>(state.range(0)));
  Executor executor(graph);
  Recorder recorder;
  sim::Observer& observer = recorder;
  const Costs& costs = graph.costs();
  compare(
      state, kOps,
      [&] {
        recorder.clear();
        benchmark::DoNotOptimize(executor.run(costs, {}, observer));
      },
      [&] { benchmark::DoNotOptimize(executor.run(costs)); });
}
BENCHMARK(BM_RecordingObserverAgainstNone)->Arg(8)->UseManualTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rigsim::bench
