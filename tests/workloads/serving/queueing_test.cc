// Servers that are queues of which the mean wait is known: a step takes equally long whatever its
// batch, so an answer of n tokens is a service of n steps. Arrivals are Poisson. The wait is the
// time from arrival to the start of the first step that works on a request.
//
// Each server is run 20 times with numbers of its own, the first tenth of its requests left out.
// The mean of the runs must lie within Student's interval of 99.9 % around the formula (t = 3.883
// for 19 degrees of freedom), and the interval must be narrow enough to mean something.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include "tests/workloads/serving/checking_observer.h"
#include "tests/workloads/serving/even_step_cost.h"
#include "workloads/random_variates.h"
#include "workloads/serving/server.h"

namespace rigsim::workloads {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRuns = 20;
constexpr std::size_t kRequests = 8'000;
constexpr std::size_t kWarmUp = kRequests / 10;
constexpr double kStudentT = 3.883;
constexpr sim::Duration kStep = 1us;
constexpr std::int64_t kServiceSteps = 1'000;
constexpr double kService = 1e-3;  // seconds of so many

/// Requests with one token of prompt at `per_second`; answers of `output` tokens each.
Traffic poisson_traffic(double per_second, std::uint64_t seed,
                        const std::function<std::int64_t(RandomVariates&)>& output) {
  RandomVariates arrivals(seed, 0);
  RandomVariates outputs(seed, 1);
  Traffic traffic;
  double now = 0;
  for (std::size_t i = 0; i < kRequests; ++i) {
    now += arrivals.exponential() / per_second;
    TrafficRequest request;
    request.arrival = sim::Time(sim::from_seconds(now));
    request.output_tokens = output(outputs);
    traffic.requests.push_back(request);
  }
  return traffic;
}

std::int64_t fixed(RandomVariates&) { return kServiceSteps; }

/// Exponential, rounded up to whole steps: geometric. Its mean is half a step in 1,000 longer.
std::int64_t exponential(RandomVariates& random) {
  return static_cast<std::int64_t>(std::ceil(random.exponential() * kServiceSteps));
}

ServerConfig queue_of(const Batching& batching, std::int64_t sequences) {
  ServerConfig config;
  config.batching = batching;
  config.limits.max_sequences = sequences;
  config.limits.kv_blocks = 1'000'000;
  return config;
}

/// Waits in seconds, in the order of arrival.
std::vector<double> waits(const Traffic& traffic, const ServerConfig& config) {
  test::EvenStepCost cost(kStep);
  test::CheckingObserver observer(traffic, config);
  const auto records = serve(traffic, config, cost, observer);
  observer.finish();
  std::vector<double> result;
  for (std::size_t i = kWarmUp; i < records.size(); ++i)
    result.push_back(sim::to_seconds(records[i].scheduled - records[i].arrival));
  return result;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

using Runs = std::vector<std::vector<double>>;

Runs runs_of(const ServerConfig& config, double per_second,
             const std::function<std::int64_t(RandomVariates&)>& output) {
  Runs runs;
  for (std::uint64_t seed = 1; seed <= kRuns; ++seed)
    runs.push_back(waits(poisson_traffic(per_second, seed, output), config));
  return runs;
}

/// Of `statistic` of each run: around `expected`, to `precision` of it.
void expect_mean(const Runs& runs,
                 const std::function<double(const std::vector<double>&)>& statistic,
                 double expected, double precision) {
  std::vector<double> values;
  for (const auto& run : runs) values.push_back(statistic(run));
  const double mean = mean_of(values);
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half_width = kStudentT * std::sqrt(squares / (kRuns - 1) / kRuns);
  EXPECT_NEAR(mean, expected, half_width);
  EXPECT_LT(half_width, precision * expected);
}

// W = rho / (mu - lambda), and P(wait > t) = rho exp(-(mu - lambda) t), of which 1 - rho do not
// wait at all; Kleinrock, Queueing Systems I (1975), 3.2 and 5.12.
TEST(Queueing, MM1WaitsAsTheFormulasSay) {
  const double rho = 0.7;
  const Runs runs = runs_of(queue_of(VllmV1Batching{}, 1), rho / kService, exponential);
  expect_mean(runs, mean_of, rho / (1 - rho) * kService, 0.1);
  for (const double t : {0.0, 1.0, 3.0}) {  // in mean services
    SCOPED_TRACE(t);
    const auto share_above = [&](const std::vector<double>& run) {
      const auto longer =
          std::ranges::count_if(run, [&](double wait) { return wait > t * kService; });
      return static_cast<double>(longer) / static_cast<double>(run.size());
    };
    expect_mean(runs, share_above, rho * std::exp(-(1 - rho) * t), 0.1);
  }
}

// W = rho / (2 mu (1 - rho)), half of M/M/1's (Pollaczek-Khinchin; Kleinrock 5.6).
TEST(Queueing, MD1WaitsAsLongAsTheFormulaSays) {
  const double rho = 0.8;
  expect_mean(runs_of(queue_of(VllmV1Batching{}, 1), rho / kService, fixed), mean_of,
              rho / (2 * (1 - rho)) * kService, 0.1);
}

/// Erlang's C: the probability that all of `servers` are busy at a load of `erlangs`.
double erlang_c(int servers, double erlangs) {
  double term = 1;
  double sum = 0;
  for (int k = 0; k < servers; ++k) {
    sum += term;
    term *= erlangs / (k + 1);
  }
  const double all = term / (1 - erlangs / servers);
  return all / (sum + all);
}

// W = C(c, a) / (c mu - lambda); Kleinrock 3.5. Here a service that could begin beside others
// begins at the end of a step: half a thousandth of a service later.
TEST(Queueing, MMcWaitsAsLongAsTheFormulaSays) {
  const int servers = 4;
  const double rho = 0.8;
  const double in_step = 0.5e-3 * kService;
  expect_mean(runs_of(queue_of(VllmV1Batching{}, servers), servers * rho / kService, exponential),
              mean_of,
              erlang_c(servers, servers * rho) / (servers * (1 - rho)) * kService + in_step, 0.15);
}

// A batch takes all that wait, and always as long, D: in a cycle of one batch and the idle time
// before it, D + e^-a / lambda on average (a = lambda D; e^-a: nobody came during the last), the
// queue holds lambda D^2 / 2 requests x seconds. By Little W = (D / 2) / (1 + e^-a / a).
TEST(Queueing, ABatchOfAllThatWaitIsAsTheFormulaSays) {
  const double a = 3;
  expect_mean(runs_of(queue_of(StaticBatching{}, 1'000), a / kService, fixed), mean_of,
              kService / 2 / (1 + std::exp(-a) / a), 0.1);
}

/// The mean wait, in services, where a batch takes up to `most`: the queue that a batch leaves is a
/// Markov chain, q' = max(q - most, 0) + Poisson(a) (one comes first where q = 0), whose stationary
/// state gives the queue's mean over a cycle as above (Neuts, Ann. Math. Stat. 38(3), 1967).
double wait_in_batches(int most, double a) {
  constexpr std::size_t kStates = 200;
  std::vector<double> comes(kStates);
  comes[0] = std::exp(-a);
  for (std::size_t k = 1; k < kStates; ++k) comes[k] = comes[k - 1] * a / static_cast<double>(k);
  const auto left = [&](std::size_t q) {
    return q > static_cast<std::size_t>(most) ? q - static_cast<std::size_t>(most) : 0;
  };
  std::vector<double> state(kStates);
  state[0] = 1;
  for (int i = 0; i < 500; ++i) {
    std::vector<double> next(kStates);
    for (std::size_t q = 0; q < kStates; ++q) {
      for (std::size_t k = 0; left(q) + k < kStates; ++k) next[left(q) + k] += state[q] * comes[k];
    }
    state = std::move(next);
  }
  double waiting = a / 2;
  for (std::size_t q = 0; q < kStates; ++q) waiting += state[q] * static_cast<double>(left(q));
  return waiting / (1 + state[0] / a) / a;
}

TEST(Queueing, BatchesOfUpToFourAreAsTheMarkovChainSays) {
  EXPECT_NEAR(wait_in_batches(150, 3), 0.5 / (1 + std::exp(-3.0) / 3), 1e-9);
  const double a = 3;
  expect_mean(runs_of(queue_of(StaticBatching{}, 4), a / kService, fixed), mean_of,
              wait_in_batches(4, a) * kService, 0.1);
}

}  // namespace
}  // namespace rigsim::workloads
