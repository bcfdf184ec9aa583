// A decode step of Llama-3-70B in Q4_K_M over two GPUs: what lowering, running and attributing it
// cost, and what re-pricing the attention of a lowered step saves over lowering each step anew.
// "ops/s" counts ops of the graph (80 layers' kernels, the head, the boundary).
#include <benchmark/benchmark.h>

#include "tests/workloads/toy_deployment.h"
#include "workloads/time_share.h"

namespace rigsim::workloads {
namespace {

Deployment llama_70b() { return deploy(known_request("llama-3-70b", "Q4_K_M", 2)); }

constexpr std::int64_t kContext = 1000;

void count_ops(benchmark::State& state, const PassGraph& pass) {
  state.counters["ops/s"] = benchmark::Counter(static_cast<double>(pass.ops.size()),
                                               benchmark::Counter::kIsIterationInvariantRate);
}

void lower_step(benchmark::State& state) {
  const Deployment d = llama_70b();
  for (auto _ : state) benchmark::DoNotOptimize(lower_decode(d, kContext, 1));
  count_ops(state, lower_decode(d, kContext, 1));
}
BENCHMARK(lower_step)->Unit(benchmark::kMicrosecond);

void run_step(benchmark::State& state) {
  const PassGraph pass = lower_decode(llama_70b(), kContext, 1);
  sim::Executor executor(pass.graph);
  for (auto _ : state) benchmark::DoNotOptimize(executor.run(pass.graph.costs()));
  count_ops(state, pass);
}
BENCHMARK(run_step)->Unit(benchmark::kMicrosecond);

void attribute_step(benchmark::State& state) {
  const PassGraph pass = lower_decode(llama_70b(), kContext, 1);
  sim::Executor executor(pass.graph);
  executor.run(pass.graph.costs());
  for (auto _ : state) benchmark::DoNotOptimize(attribute(pass, executor, 2));
  count_ops(state, pass);
}
BENCHMARK(attribute_step)->Unit(benchmark::kMicrosecond);

/// As a run does it: one graph, attention priced again for each context.
void next_step_repriced(benchmark::State& state) {
  const Deployment d = llama_70b();
  PassGraph pass = lower_decode(d, kContext, 1);
  sim::Executor executor(pass.graph);
  sim::Costs costs = pass.graph.costs();
  std::int64_t context = kContext;
  for (auto _ : state) {
    reprice_decode(pass, costs, d, context++);
    executor.run(costs);
    benchmark::DoNotOptimize(attribute(pass, executor, 2));
  }
  count_ops(state, pass);
}
BENCHMARK(next_step_repriced)->Unit(benchmark::kMicrosecond);

/// The reference: every step lowered from scratch.
void next_step_lowered(benchmark::State& state) {
  const Deployment d = llama_70b();
  std::int64_t context = kContext;
  for (auto _ : state) {
    const PassGraph pass = lower_decode(d, context++, 1);
    sim::Executor executor(pass.graph);
    executor.run(pass.graph.costs());
    benchmark::DoNotOptimize(attribute(pass, executor, 2));
  }
  count_ops(state, lower_decode(d, kContext, 1));
}
BENCHMARK(next_step_lowered)->Unit(benchmark::kMicrosecond);

/// The buyer's question for one rig: `output` tokens after a prompt of 1,024.
void whole_run(benchmark::State& state) {
  const Deployment d = llama_70b();
  const SingleStream work{.prompt_tokens = 1024, .output_tokens = state.range(0)};
  for (auto _ : state) benchmark::DoNotOptimize(run_single_stream(d, work));
}
BENCHMARK(whole_run)->Arg(1024)->Arg(8192)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rigsim::workloads
