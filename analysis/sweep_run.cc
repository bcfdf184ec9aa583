#include "analysis/sweep_run.h"

#include <tbb/info.h>
#include <tbb/parallel_pipeline.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <unordered_set>
#include <utility>

#include "configs/point_id.h"

namespace rigsim::analysis {
namespace {

/// Work in flight for each thread: enough that a slow point keeps nobody waiting, few enough that
/// they are nothing in memory.
constexpr std::size_t kTokensPerThread = 64;

using OptionalPoint = std::optional<SweepPoint>;  // none: stopped before it ended

SweepPoint work_out(const SweepFacts& facts, std::uint64_t combination,
                    const EarlierPoints& earlier, const std::function<bool()>& stop) {
  SweepPoint point{.combination = combination};
  point.result = with_faults_kept(facts.plan.run, [&] {
    const configs::Scenario scenario = facts.plan.scenario(combination, facts.catalog);
    point.id = configs::point_id(facts.plan.run, scenario, facts.own_catalog);
    const auto known = earlier.by_id.find(point.id);
    point.reused = known != earlier.by_id.end();
    return point.reused ? known->second : run_point(facts, scenario, stop);
  });
  return point;
}

}  // namespace

int threads_used(int threads) {
  const int most = tbb::info::default_concurrency();  // TBB prints a warning beyond it
  return threads == 0 ? most : std::min(threads, most);
}

SweepSummary run_sweep(const SweepFacts& facts, const EarlierPoints& earlier, SweepFileWriter* file,
                       int threads, const SweepHooks& hooks) {
  SweepSummary summary;
  std::unordered_set<std::uint64_t> reused;
  std::uint64_t next = 0;
  const auto give = [&](tbb::flow_control& control) -> std::uint64_t {
    const auto point = facts.plan.next_point(next);
    if (!point || (hooks.stop && hooks.stop())) {
      summary.stopped = summary.stopped || point.has_value();
      control.stop();
      return 0;
    }
    next = *point + 1;
    return *point;
  };
  const auto work = [&](std::uint64_t combination) -> OptionalPoint {
    if (hooks.stop && hooks.stop()) return std::nullopt;
    try {
      return work_out(facts, combination, earlier, hooks.stop);
    } catch (const SweepStopped&) {
      return std::nullopt;
    }
  };
  const auto keep = [&](OptionalPoint point) {
    if (point && !point->reused && file != nullptr) file->ended(*point);
    return point;
  };
  const auto count = [&](const OptionalPoint& point) {
    if (!point) {
      summary.stopped = true;
      return;
    }
    ++summary.points;
    ++summary.by_status[point->result.status];
    summary.reused += point->reused ? 1 : 0;
    if (point->reused) reused.insert(point->id);
    if (file != nullptr) file->in_order(*point);
    if (hooks.in_order) hooks.in_order(*point);
  };
  using Mode = tbb::filter_mode;
  const int used = threads_used(threads);
  tbb::task_arena arena(used);
  arena.execute([&] {
    tbb::parallel_pipeline(
        kTokensPerThread * static_cast<std::size_t>(used),
        tbb::make_filter<void, std::uint64_t>(Mode::serial_in_order, give) &
            tbb::make_filter<std::uint64_t, OptionalPoint>(Mode::parallel, work) &
            tbb::make_filter<OptionalPoint, OptionalPoint>(Mode::serial_out_of_order, keep) &
            tbb::make_filter<OptionalPoint, void>(Mode::serial_in_order, count));
  });
  summary.dropped = earlier.by_id.size() - reused.size();
  return summary;
}

double seconds_per_point(const SweepFacts& facts) {
  constexpr std::uint64_t kSamples = 8;
  const std::uint64_t all = facts.plan.combinations();
  const auto begin = std::chrono::steady_clock::now();
  std::uint64_t ran = 0;
  for (std::uint64_t i = 0; i < std::min(kSamples, all); ++i) {
    const auto point = facts.plan.next_point(i * all / std::min(kSamples, all));
    if (!point) continue;
    (void)work_out(facts, *point, {}, {});
    ++ran;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return took.count() / static_cast<double>(std::max<std::uint64_t>(ran, 1));
}

}  // namespace rigsim::analysis
