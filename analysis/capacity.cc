#include "analysis/capacity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>
#include <stdexcept>

#include "analysis/chance.h"
#include "analysis/error_statistics.h"
#include "analysis/request_latency.h"
#include "analysis/serving_band.h"
#include "workloads/serving/serving_stations.h"
#include "workloads/traffic_change.h"

namespace rigsim::analysis {
namespace {

using workloads::RequestRecord;
using workloads::ServingSetup;
using workloads::Traffic;

void check(std::span<const Traffic> replications, const CapacityTarget& target) {
  if (!target.level.any())
    throw std::invalid_argument("needs a limit: ttft=TIME, tpot=TIME or e2e=TIME");
  const double share = target.good.value_or(target.percentile);
  if (!(share > 0 && share <= 1))
    throw std::invalid_argument(
        fmt::format("a share must be above 0 and at most 1, got {}", share));
  for (const Traffic& traffic : replications) {
    if (traffic.closed_loop) {
      throw std::invalid_argument(
          "users who wait for answers have no rate to raise; give arrivals, such as poisson:1/s");
    }
    if (!(arrival_rate(traffic) > 0))
      throw std::invalid_argument("all requests arrive at once: there is no rate to raise");
  }
}

struct Limit {
  const char* name;
  std::optional<double> ServiceLevel::* most;
  RequestLatency latency;
};
constexpr std::array<Limit, 3> kLimits{{{"ttft", &ServiceLevel::ttft_s, ttft},
                                        {"tpot", &ServiceLevel::tpot_s, tpot},
                                        {"e2e", &ServiceLevel::e2e_s, e2e}}};

/// One load as it ran.
struct LoadRun {
  std::vector<LimitAtLoad> limits;  // none where nothing was served
  ServingMetrics metrics;
  bool lasts = true;

  [[nodiscard]] bool meets() const {
    return !limits.empty() && std::ranges::all_of(limits, &LimitAtLoad::kept);
  }
  [[nodiscard]] double served() const {
    return static_cast<double>(metrics.finished) / static_cast<double>(metrics.offered);
  }
};

/// See Capacity::lasts.
bool keeps_up(const std::vector<RequestRecord>& records) {
  constexpr double kEnough = 0.8;
  const sim::Time last = records.back().arrival;
  const sim::Time middle = records.front().arrival + (last - records.front().arrival) / 2;
  std::int64_t arrived = 0, answered = 0;
  for (const RequestRecord& record : records) {
    if (record.outcome != workloads::RequestOutcome::kFinished) continue;
    if (record.arrival >= middle) ++arrived;
    if (record.finished >= middle && record.finished <= last) ++answered;
  }
  return static_cast<double>(answered) >= kEnough * static_cast<double>(arrived);
}

/// `ladder` as far down as all of `traffic` arrives, and is served, within the clock's 106 days.
LoadLadder within_the_clock(LoadLadder ladder, const Traffic& traffic) {
  constexpr double kLongestS = 8e6;
  const double span = static_cast<double>(traffic.requests.size()) / arrival_rate(traffic);
  while (ladder.lowest < 0 && span / ladder.factor(ladder.lowest) > kLongestS) ++ladder.lowest;
  return ladder;
}

/// Serves traffic at any load; what steps cost is worked out once.
class Loads {
 public:
  Loads(const ServingSetup& setup, const CapacityTarget& target, const LoadLadder& ladder,
        workloads::Slowness slowness = {})
      : setup_(setup), target_(target), ladder_(ladder), replica_(setup, slowness) {}

  [[nodiscard]] LoadRun run(const Traffic& traffic, std::int64_t step) {
    Traffic load = traffic;
    workloads::scale_rate(load, ladder_.factor(step));
    ServingCollector collector;
    std::vector<RequestRecord> records;
    try {
      records = workloads::serve_behind(setup_.front, load, setup_.config, replica_.stations(),
                                        collector);
    } catch (const workloads::SwapSpaceFull&) {  // the engine ends there
      return {};
    }
    LoadRun result;
    result.lasts = keeps_up(records);
    result.metrics = collector.metrics(load, setup_.config, records, target_.level);
    result.limits = limits_of(load, records, result.metrics);
    return result;
  }

  [[nodiscard]] LadderSearch search(const Traffic& traffic, std::int64_t start = 0) {
    return search_ladder(
        within_the_clock(ladder_, traffic),
        [&](std::int64_t step) { return run(traffic, step).meets(); }, start);
  }

 private:
  [[nodiscard]] std::vector<LimitAtLoad> limits_of(const Traffic& load,
                                                   const std::vector<RequestRecord>& records,
                                                   const ServingMetrics& metrics) const {
    std::vector<LimitAtLoad> limits;
    if (metrics.finished == 0) return limits;
    if (target_.good) {
      const double good = metrics.good_fraction.value_or(0);
      limits.push_back({"good", good, *target_.good, good >= *target_.good});
      return limits;
    }
    for (const Limit& limit : kLimits) {
      const auto& most = target_.level.*limit.most;
      if (!most) continue;
      const std::vector<double> times = latencies(load.requests, records, limit.latency);
      if (times.empty())
        throw std::invalid_argument(fmt::format(
            "no request has a {} to limit: all answers are one token long", limit.name));
      const double value = quantile(times, target_.percentile);
      limits.push_back({limit.name, value, *most, value <= *most});
    }
    return limits;
  }

  const ServingSetup& setup_;
  const CapacityTarget& target_;
  const LoadLadder& ladder_;
  workloads::ServingStations replica_;
};

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The rates at which each replication is at its capacity.
struct Searches {
  std::vector<double> rates;
  std::vector<LadderSearch> found;

  Searches(Loads& loads, std::span<const Traffic> replications, const LoadLadder& ladder) {
    for (const Traffic& traffic : replications) {
      found.push_back(loads.search(traffic));
      const auto& step = found.back().step;
      rates.push_back(step ? arrival_rate(traffic) * ladder.factor(*step) *
                                 loads.run(traffic, *step).served()
                           : 0.0);
    }
  }
};

}  // namespace

/// By squares, so that every machine has the same bits.
double LoadLadder::factor(std::int64_t step) const {
  double power = 1;
  double square = 1 + precision;
  for (std::int64_t left = std::abs(step); left > 0; left /= 2) {
    if (left % 2 == 1) power *= square;
    square *= square;
  }
  return step < 0 ? 1 / power : power;
}

double arrival_rate(const Traffic& traffic) {
  if (traffic.requests.size() < 2) return 0;
  const double span =
      sim::to_seconds(traffic.requests.back().arrival - traffic.requests.front().arrival);
  return span > 0 ? static_cast<double>(traffic.requests.size() - 1) / span : 0;
}

LadderSearch search_ladder(const LoadLadder& ladder, const std::function<bool(std::int64_t)>& meets,
                           std::int64_t start) {
  LadderSearch search;
  std::map<std::int64_t, bool> known;
  const auto tried = [&](std::int64_t step) {
    const auto [entry, made] = known.try_emplace(step);
    if (made) {
      ++search.runs;
      entry->second = meets(step);
    }
    return entry->second;
  };
  const auto doubling =
      std::max<std::int64_t>(std::llround(std::log(2.0) / std::log1p(ladder.precision)), 1);
  std::int64_t good = start, bad = start;
  if (tried(start)) {
    do {
      if (good == ladder.highest) {
        search.step = good;
        search.open = true;
        return search;
      }
      bad = std::min(good + doubling, ladder.highest);
      if (!tried(bad)) break;
      good = bad;
    } while (true);
  } else {
    do {
      if (bad == ladder.lowest) return search;
      good = std::max(bad - doubling, ladder.lowest);
      if (tried(good)) break;
      bad = good;
    } while (true);
  }
  while (bad - good > 1) {
    const std::int64_t middle = good + (bad - good) / 2;
    (tried(middle) ? good : bad) = middle;
  }
  search.step = good;
  constexpr std::int64_t kLooks = 3;
  for (std::int64_t above = bad + 1; above <= std::min(bad + kLooks, ladder.highest); ++above)
    if (tried(above)) search.meets_again = above;
  return search;
}

Capacity capacity(const ServingSetup& setup, std::span<const Traffic> replications,
                  const CapacityTarget& target, const LoadLadder& ladder) {
  check(replications, target);
  Loads loads(setup, target, ladder);
  const Searches searches(loads, replications, ladder);
  Capacity result;
  result.requests_per_s = mean(searches.rates);
  result.chance = student_half_width(searches.rates);
  for (const LadderSearch& search : searches.found) {
    result.open = result.open || search.open;
    result.monotone = result.monotone && !search.meets_again;
    result.runs += search.runs;
  }
  const LadderSearch& first = searches.found.front();
  const std::int64_t at =
      first.step.value_or(within_the_clock(ladder, replications.front()).lowest);
  LoadRun run = loads.run(replications.front(), at);
  result.lasts = run.lasts;
  result.turned_away = run.metrics.offered > 0 ? 1 - run.served() : 0;
  result.limits = std::move(run.limits);
  result.metrics = std::move(run.metrics);
  if (first.step && !first.open) result.above = loads.run(replications.front(), at + 1).limits;
  const ServingBand band = serving_band(setup, result.metrics);
  result.evidence = band.evidence;
  Loads slow(setup, target, ladder, band.slower());
  Loads fast(setup, target, ladder, band.faster());
  result.low = mean(Searches(slow, replications, ladder).rates);
  result.high = mean(Searches(fast, replications, ladder).rates);
  return result;
}

BestSetup best_setup(std::size_t count,
                     const std::function<std::optional<workloads::ServingSetup>(std::size_t)>& make,
                     const Traffic& traffic, const CapacityTarget& target,
                     const LoadLadder& ladder) {
  check(std::span(&traffic, 1), target);
  BestSetup best;
  for (std::size_t i = 0; i < count; ++i) {
    const std::optional<ServingSetup> setup = make(i);
    if (!setup) continue;
    ++best.tried;
    Loads loads(*setup, target, ladder);
    const std::int64_t above = best.index ? best.step + 1 : 0;
    if (above > ladder.highest) break;
    if (best.index) {
      ++best.runs;
      if (!loads.run(traffic, above).meets()) continue;
    }
    const LadderSearch search = loads.search(traffic, above);
    best.runs += search.runs;
    if (!search.step) continue;
    best.index = i;
    best.step = *search.step;
  }
  return best;
}

}  // namespace rigsim::analysis
