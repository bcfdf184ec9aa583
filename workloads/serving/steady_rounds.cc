#include "workloads/serving/steady_rounds.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

Recurring operator-(const Recurring& a, const Recurring& b) {
  return {a.at - b.at, a.step - b.step, a.growth - b.growth};
}

/// As seen from the next round.
Recurring next(const Recurring& time) {
  return {time.at + time.step, time.step + time.growth, time.growth};
}

/// In how many rounds from the first on, at most `most`, `lead` is not negative; it is not in the
/// first.
std::int64_t rounds_ahead(const Recurring& lead, std::int64_t most) {
  if (lead.step >= 0 && lead.growth >= 0) return most;
  std::int64_t last = most - 1;  // up to here it falls, or rises and then falls
  if (lead.growth > 0)
    last = static_cast<std::int64_t>(std::min<Ticks>(last, -lead.step / lead.growth + 1));
  if (lead.in(last) >= 0) return most;
  std::int64_t low = 0;
  while (low + 1 < last) {
    const std::int64_t middle = low + (last - low) / 2;
    (lead.in(middle) >= 0 ? low : last) = middle;
  }
  return low + 1;
}

/// The later of two from round 0 on; `rounds` shrinks to those in which it is.
Recurring later(const Recurring& a, const Recurring& b, std::int64_t& rounds) {
  const Recurring ahead = a - b;
  const Ticks sign = ahead.at != 0 ? ahead.at : ahead.step != 0 ? ahead.step : ahead.growth;
  rounds = rounds_ahead(sign >= 0 ? ahead : b - a, rounds);
  return sign >= 0 ? a : b;
}

/// One step of every batch.
void go_round(SteadyRounds& state, std::span<const Station> stations,
              std::span<const StepRun> costs) {
  const StepRun* cost = costs.data();
  for (Recurring& end : state.ends) {
    for (std::size_t s = 0; s < stations.size(); ++s, ++cost) {
      const bool waits = stations[s].kind != StationKind::kDelay;
      const Recurring start = waits ? later(end, state.free[s], state.rounds) : end;
      end = {start.at + cost->first, start.step + cost->slope, start.growth};
      if (waits) state.free[s] = end;
      state.rounds = std::min(state.rounds, cost->steps);
    }
  }
}

/// What the times' steps and their growth have to be for the next round to be `after`.
void follow(std::vector<Recurring>& times, const std::vector<Recurring>& after) {
  for (std::size_t i = 0; i < times.size(); ++i) {
    times[i].growth = after[i].step - times[i].step;
    times[i].step = after[i].at - times[i].at;
  }
}

}  // namespace

std::optional<SteadyRounds> steady_rounds(std::span<const Station> stations,
                                          std::span<const Ticks> ends, std::span<const Ticks> free,
                                          std::span<const StepRun> costs, std::int64_t most) {
  SteadyRounds state;
  for (const Ticks end : ends) state.ends.push_back({end, 0, 0});
  for (const Ticks each : free) state.free.push_back({each, 0, 0});
  // The first round gives the steps, the second their growth, the third shows whether it lasts.
  constexpr int kRounds = 3;
  for (int i = 0; i < kRounds; ++i) {
    SteadyRounds after = state;
    after.rounds = most;
    go_round(after, stations, costs);
    if (std::ranges::equal(state.ends, after.ends, {}, next) &&
        std::ranges::equal(state.free, after.free, {}, next)) {
      state.rounds = after.rounds;
      return state;
    }
    follow(state.ends, after.ends);
    follow(state.free, after.free);
  }
  return std::nullopt;
}

}  // namespace rigsim::workloads
