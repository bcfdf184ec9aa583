// Replaying synthetic traffic of the lengths of the Azure 2023 conversation trace (1,155 and 211
// tokens on average) through vLLM V1's rules on one replica: in leaps, step by step, and by a plain
// loop of the same rules. The step cost is an affine function about as large as that of Llama-3-8B
// on an A100, so that scheduling is what is measured; the server is full at about 11 requests/s.
//
// "steps" of the model, "rows" that the server ran them in; "requests/s" of wall time.
#include <benchmark/benchmark.h>

#include "tests/bench/plain_serving.h"
#include "workloads/serving/server.h"
#include "workloads/traffic_generator.h"

namespace rigsim::bench {
namespace {

using namespace workloads;

constexpr PlainCost kCost{.step = 8'000'000'000, .kv = 80'000, .prompt = 60'000'000};
constexpr std::int64_t kRequests = 20'000;

Traffic traffic_of(double per_second, std::int64_t requests, double output = 211) {
  return generate_traffic(
      {"", PoissonArrivals{per_second},
       IndependentLengths{LognormalLength{1'155, 1}, LognormalLength{output, 0.8}}},
      requests, 1);
}

ServerConfig config_of(StepMode mode) {
  ServerConfig config;
  config.limits.kv_blocks = 26'000;
  config.limits.prefix_caching = false;
  config.mode = mode;
  return config;
}

/// A share of the cost: of one of so many equal stages.
class AffineStepCost final : public StepCost {
 public:
  explicit AffineStepCost(std::int64_t stages = 1) : stages_(stages) {}

  StepRun decode(const DecodeLoad& load) override {
    return {price(load), to_ticks(sim::Duration(kCost.kv * load.sequences)) / stages_,
            std::int64_t{1} << 40};
  }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    std::int64_t tokens = 0;
    for (const PromptChunk& each : chunks) tokens += each.tokens;
    return price(load) + to_ticks(sim::Duration(kCost.prompt * tokens)) / stages_;
  }

 private:
  [[nodiscard]] Ticks price(const DecodeLoad& load) const {
    return to_ticks(sim::Duration(kCost.step)) / stages_ +
           to_ticks(sim::Duration(kCost.kv * load.kv_tokens)) / stages_;
  }

  std::int64_t stages_;
};

class CountingObserver final : public ServingObserver {
 public:
  void steps_executed(const StepRecord& record) override {
    steps += record.steps;
    ++rows;
  }
  void gaps_seen(const GapRun&) override {}
  void request_ended(std::uint32_t, const RequestRecord&) override {}

  std::int64_t steps = 0;
  std::int64_t rows = 0;
};

void count(benchmark::State& state, const Traffic& traffic, const CountingObserver& observer) {
  state.counters["requests/s"] = benchmark::Counter(static_cast<double>(traffic.requests.size()),
                                                    benchmark::Counter::kIsIterationInvariantRate);
  state.counters["steps"] = static_cast<double>(observer.steps);
  state.counters["rows"] = static_cast<double>(observer.rows);
}

void serve_in(benchmark::State& state, StepMode mode, const Traffic& traffic) {
  const ServerConfig config = config_of(mode);
  AffineStepCost cost;
  CountingObserver observer;
  for (auto _ : state) {
    observer = {};
    benchmark::DoNotOptimize(serve(traffic, config, cost, observer));
  }
  count(state, traffic, observer);
}

/// Requests per second.
void leaping(benchmark::State& state) {
  serve_in(state, StepMode::kLeap, traffic_of(static_cast<double>(state.range(0)), kRequests));
}
BENCHMARK(leaping)->Arg(1)->Arg(4)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);

void stepping(benchmark::State& state) {
  serve_in(state, StepMode::kExact, traffic_of(static_cast<double>(state.range(0)), kRequests));
}
BENCHMARK(stepping)->Arg(1)->Arg(4)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);

/// The same work on so many equal stages, and as many steps on their way.
void serve_in_stages(benchmark::State& state, StepMode mode) {
  const Traffic traffic = traffic_of(static_cast<double>(state.range(0)), kRequests);
  ServerConfig config = config_of(mode);
  config.in_flight = static_cast<std::int32_t>(state.range(1));
  AffineStepCost cost(state.range(1));
  const std::vector<Station> stations(static_cast<std::size_t>(state.range(1)), Station{&cost});
  CountingObserver observer;
  for (auto _ : state) {
    observer = {};
    benchmark::DoNotOptimize(serve(traffic, config, stations, observer));
  }
  count(state, traffic, observer);
}

void pipeline_leaping(benchmark::State& state) { serve_in_stages(state, StepMode::kLeap); }
BENCHMARK(pipeline_leaping)->ArgsProduct({{1, 4, 8}, {2, 4}})->Unit(benchmark::kMillisecond);

void pipeline_stepping(benchmark::State& state) { serve_in_stages(state, StepMode::kExact); }
BENCHMARK(pipeline_stepping)->ArgsProduct({{1, 4, 8}, {2, 4}})->Unit(benchmark::kMillisecond);

/// It finishes every request when the server does.
void plain_loop(benchmark::State& state) {
  const Traffic traffic = traffic_of(static_cast<double>(state.range(0)), kRequests);
  const ServerConfig config = config_of(StepMode::kLeap);
  std::vector<std::int64_t> finished;
  for (auto _ : state) {
    finished = serve_plainly(traffic, config.limits, kCost);
    benchmark::DoNotOptimize(finished);
  }
  AffineStepCost cost;
  CountingObserver observer;
  const auto records = serve(traffic, config, cost, observer);
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].finished.time_since_epoch().count() != finished[i]) {
      state.SkipWithError("the plain loop and the server differ");
      break;
    }
  }
  count(state, traffic, observer);
}
BENCHMARK(plain_loop)->Arg(1)->Arg(4)->Arg(8)->Arg(16)->Unit(benchmark::kMillisecond);

/// Requests, at 4 per second.
void growth(benchmark::State& state) {
  serve_in(state, StepMode::kLeap, traffic_of(4, state.range(0)));
}
BENCHMARK(growth)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

/// Answers so many times as long, at a rate so many times lower: as many in flight.
void longer_answers(benchmark::State& state) {
  const auto times = static_cast<double>(state.range(0));
  serve_in(state, StepMode::kLeap, traffic_of(4 / times, kRequests, 211 * times));
}
BENCHMARK(longer_answers)->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rigsim::bench
