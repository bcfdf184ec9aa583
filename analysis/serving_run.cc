#include "analysis/serving_run.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "analysis/request_latency.h"
#include "analysis/serving_use.h"
#include "workloads/serving/serving_stations.h"

namespace rigsim::analysis {
namespace {

using workloads::ServingObserver;
using workloads::ServingSetup;
using workloads::Traffic;

/// Passes on what it sees.
class Observers final : public ServingObserver {
 public:
  explicit Observers(std::vector<ServingObserver*> all) : all_(std::move(all)) {}

  void steps_executed(const workloads::StepRecord& steps) override {
    for (ServingObserver* each : all_) each->steps_executed(steps);
  }
  void gaps_seen(const workloads::GapRun& gaps) override {
    for (ServingObserver* each : all_) each->gaps_seen(gaps);
  }
  void request_ended(std::uint32_t request, const workloads::RequestRecord& record) override {
    for (ServingObserver* each : all_) each->request_ended(request, record);
  }
  void token_out(std::uint32_t request, workloads::Ticks now, bool first) override {
    for (ServingObserver* each : all_) each->token_out(request, now, first);
  }
  [[nodiscard]] bool wants_tokens() const override {
    return std::ranges::any_of(all_, [](const auto* each) { return each->wants_tokens(); });
  }

 private:
  std::vector<ServingObserver*> all_;
};

/// Passes on what happens from a time on.
class From final : public ServingObserver {
 public:
  From(sim::Time begin, ServingObserver& next) : begin_(workloads::to_ticks(begin)), next_(next) {}

  void steps_executed(const workloads::StepRecord& steps) override {
    if (steps.start >= begin_) next_.steps_executed(steps);
  }
  void gaps_seen(const workloads::GapRun& gaps) override {
    if (gaps.start >= begin_) next_.gaps_seen(gaps);
  }
  void request_ended(std::uint32_t request, const workloads::RequestRecord& record) override {
    next_.request_ended(request, record);
  }

 private:
  workloads::Ticks begin_;
  ServingObserver& next_;
};

/// The requests that count: from a number on, which reaches the engine at `begin`. There leaps end,
/// so that they are seen as single steps are.
struct Counted {
  std::size_t first = 0;
  sim::Time begin{};
};

/// With the engine's arrival of the first: in a closed loop that is the user's.
Counted counted_from(std::size_t first, const Traffic& traffic, const ServingSetup& setup,
                     std::span<const workloads::RequestRecord> records) {
  if (first == 0) return {};
  return {first, traffic.closed_loop ? records[first].arrival
                                     : workloads::engine_arrivals(setup.front, traffic)[first]};
}

std::vector<workloads::RequestRecord> serve_alone(const Traffic& traffic, const ServingSetup& setup,
                                                  ServingObserver& observer,
                                                  workloads::Slowness slowness = {}) {
  const workloads::ServingStations replica(setup, slowness);
  return workloads::serve_behind(setup.front, traffic, setup.config, replica.stations(), observer);
}

/// Throughput behind a warm-up: all that comes out from `begin` on, also for requests that arrived
/// before.
void set_rates(ServingMetrics& m, const ServingCollector& collector,
               const std::vector<workloads::RequestRecord>& records, sim::Time begin) {
  std::int64_t firsts = 0, ended = 0;
  for (const workloads::RequestRecord& record : records) {
    if (record.outcome != workloads::RequestOutcome::kFinished) continue;
    firsts += record.first_token >= begin ? 1 : 0;
    ended += record.finished >= begin ? 1 : 0;
  }
  if (m.window_s <= 0) return;
  const auto tokens = static_cast<double>(collector.later_tokens() + firsts);
  m.output_tokens_per_s = tokens / m.window_s;
  m.total_tokens_per_s = (tokens + static_cast<double>(m.computed_prompt_tokens)) / m.window_s;
  m.requests_per_s = static_cast<double>(ended) / m.window_s;
}

/// The numbers of the requests and records that count.
ServingMetrics metrics_from(const Counted& from, const ServingCollector& collector,
                            const Traffic& traffic, const ServingSetup& setup,
                            const std::vector<workloads::RequestRecord>& records,
                            const ServiceLevel& level) {
  if (from.first == 0) return collector.metrics(traffic, setup.config, records, level);
  const auto skip = static_cast<std::ptrdiff_t>(from.first);
  Traffic counted;
  counted.requests.assign(traffic.requests.begin() + skip, traffic.requests.end());
  if (traffic.closed_loop) counted.closed_loop.emplace();
  ServingMetrics m =
      collector.metrics(counted, setup.config, {records.begin() + skip, records.end()}, level);
  m.queue_growth = collector.metrics(traffic, setup.config, records, level).queue_growth;
  set_rates(m, collector, records, from.begin);
  return m;
}

/// Those beside the meters that see a run.
using Watchers = std::vector<ServingObserver*>;

ServingMetrics replay(const Traffic& traffic, const ServingSetup& setup, const ServiceLevel& level,
                      const Counted& counted, workloads::Slowness slowness, Watchers watchers,
                      std::vector<workloads::RequestRecord>* records = nullptr) {
  ServingCollector collector(counted.begin);
  UseMeter use(setup);
  Observers meters({&collector, &use});
  From measured(counted.begin, meters);
  watchers.push_back(&measured);
  Observers observers(std::move(watchers));
  auto ended = serve_alone(traffic, setup, observers, slowness);
  ServingMetrics metrics = metrics_from(counted, collector, traffic, setup, ended, level);
  metrics.use =
      use.result(metrics.window_s, std::llround(metrics.output_tokens_per_s * metrics.window_s));
  if (records != nullptr) *records = std::move(ended);
  return metrics;
}

/// In a closed loop slower devices bring the counted requests later.
Counted counted_again(const Counted& counted, const Traffic& traffic, const ServingSetup& setup,
                      workloads::Slowness slowness, const Watchers& watchers) {
  if (counted.first == 0 || !traffic.closed_loop) return counted;
  Observers observers(watchers);
  return counted_from(counted.first, traffic, setup,
                      serve_alone(traffic, setup, observers, slowness));
}

/// The number of the n-th request that finished; their count where there are fewer.
std::size_t number_of_finished(std::size_t n, std::span<const workloads::RequestRecord> records) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (records[i].outcome == workloads::RequestOutcome::kFinished && n-- == 0) return i;
  }
  return records.size();
}

/// Finished requests that MSER-5 leaves out of their mean E2E over the replications, one by one.
std::size_t automatic_cut(std::span<const Traffic> replications,
                          std::span<const std::vector<workloads::RequestRecord>> runs) {
  std::vector<double> pooled;
  for (std::size_t i = 0; i < replications.size(); ++i) {
    const auto times = latencies(replications[i].requests, runs[i], e2e);
    if (i == 0) pooled.resize(times.size());
    pooled.resize(std::min(pooled.size(), times.size()));
    for (std::size_t j = 0; j < pooled.size(); ++j) pooled[j] += times[j];
  }
  return mser5(pooled);
}

/// The first request that arrives `time` after the first of all.
std::size_t cut_at(sim::Duration time, std::span<const workloads::RequestRecord> records) {
  std::size_t cut = 0;
  while (cut < records.size() && records[cut].arrival - records[0].arrival < time) ++cut;
  return cut;
}

/// From which request on each replication counts.
std::vector<Counted> counted_of(std::span<const Traffic> replications, const ServingSetup& setup,
                                const WarmUp& warm_up, const Watchers& watchers) {
  std::vector<Counted> counted(replications.size());
  if (std::holds_alternative<NoWarmUp>(warm_up)) return counted;
  std::vector<std::vector<workloads::RequestRecord>> runs;
  Observers observers(watchers);
  for (const Traffic& traffic : replications) {
    runs.push_back(serve_alone(traffic, setup, observers));
  }
  const bool automatic = std::holds_alternative<AutomaticWarmUp>(warm_up);
  std::size_t requests = automatic ? automatic_cut(replications, runs) : 0;
  if (const auto* count = std::get_if<std::int64_t>(&warm_up))
    requests = static_cast<std::size_t>(*count);
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const auto* time = std::get_if<sim::Duration>(&warm_up);
    const std::size_t first = time != nullptr ? cut_at(*time, runs[i])
                              : automatic     ? number_of_finished(requests, runs[i])
                                              : requests;
    if (first >= runs[i].size())
      throw std::invalid_argument("the warm-up leaves none of the " +
                                  std::to_string(runs[i].size()) + " requests");
    counted[i] = counted_from(first, replications[i], setup, runs[i]);
  }
  return counted;
}

/// The same replications on slower or faster devices; none where their swap space is full, which
/// that of `setup` itself is not.
std::optional<ServingMetrics> replay_again(std::span<const Traffic> replications,
                                           const ServingSetup& setup, const ServiceLevel& level,
                                           std::span<const Counted> counted,
                                           workloads::Slowness slowness, const Watchers& watchers) {
  std::vector<ServingMetrics> metrics;
  try {
    for (std::size_t i = 0; i < replications.size(); ++i) {
      metrics.push_back(
          replay(replications[i], setup, level,
                 counted_again(counted[i], replications[i], setup, slowness, watchers), slowness,
                 watchers));
    }
  } catch (const workloads::SwapSpaceFull&) {
    return std::nullopt;
  }
  return mean_of(metrics);
}

}  // namespace

ServingMetrics serve_once(const Traffic& traffic, const ServingSetup& setup,
                          const ServiceLevel& level, ServingObserver* watch) {
  Watchers watchers;
  if (watch != nullptr) watchers.push_back(watch);
  return replay(traffic, setup, level, {}, {}, std::move(watchers));
}

ServingRun run_serving(std::span<const Traffic> replications, const ServingSetup& setup,
                       const ServiceLevel& level, const WarmUp& warm_up, ServingObserver* observer,
                       ServingObserver* watch, const std::function<void()>& observed) {
  ServingRun run;
  const Watchers all = watch != nullptr ? Watchers{watch} : Watchers{};
  Watchers first = all;
  if (observer != nullptr) first.push_back(observer);
  const std::vector<Counted> counted = counted_of(replications, setup, warm_up, all);
  std::vector<ServingMetrics> metrics;
  for (std::size_t i = 0; i < replications.size(); ++i) {
    metrics.push_back(replay(replications[i], setup, level, counted[i], {}, i == 0 ? first : all,
                             i == 0 ? &run.records : nullptr));
    if (i == 0 && observed) observed();
  }
  run.first = metrics.front();
  run.metrics = mean_of(metrics);
  run.band = serving_band(setup, run.metrics);
  run.slow = replay_again(replications, setup, level, counted, run.band.slower(), all);
  run.fast = replay_again(replications, setup, level, counted, run.band.faster(), all);
  run.warm_up_requests = counted.front().first;
  run.warm_up = run.records.at(run.warm_up_requests).arrival - run.records.front().arrival;
  const auto requests = std::span(replications.front().requests);
  run.chance = replications.size() > 1
                   ? chance_over(metrics)
                   : chance_within(requests.subspan(run.warm_up_requests),
                                   std::span(run.records).subspan(run.warm_up_requests));
  return run;
}

}  // namespace rigsim::analysis
