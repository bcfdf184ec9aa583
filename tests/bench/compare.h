#pragma once

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <limits>

namespace rigsim::bench {

/// Seconds of processor time that `work()` takes in this thread: the machine is not ours alone.
template <class Work>
double seconds_of(Work&& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double begin = now();
  work();
  return now() - begin;
}

/// Runs `ours` and `reference` in turn, `items` units of work each; the time shown is ours.
/// Counters: items per second of both, from the fastest run of each (the machine is not ours
/// alone), and `ratio`, ours over the reference's.
template <class Ours, class Reference>
void compare(benchmark::State& state, double items, Ours&& ours, Reference&& reference) {
  double ours_best = std::numeric_limits<double>::infinity();
  double reference_best = ours_best;
  for (auto _ : state) {
    reference_best = std::min(reference_best, seconds_of(reference));
    const double seconds = seconds_of(ours);
    ours_best = std::min(ours_best, seconds);
    state.SetIterationTime(seconds);
  }
  state.counters["per_s"] = items / ours_best;
  state.counters["reference_per_s"] = items / reference_best;
  state.counters["ratio"] = reference_best / ours_best;
}

}  // namespace rigsim::bench
