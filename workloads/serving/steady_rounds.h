#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "workloads/serving/step_cost.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// A time that comes again in each round, `step` + n x `growth` behind that of round n.
struct Recurring {
  Ticks at = 0;  ///< in round 0
  Ticks step = 0;
  Ticks growth = 0;

  [[nodiscard]] constexpr Ticks in(std::int64_t round) const {
    return at + series(step, growth, round);
  }
  friend bool operator==(const Recurring&, const Recurring&) = default;
};

/// The sum over the first `rounds` rounds.
[[nodiscard]] constexpr Ticks sum(const Recurring& time, std::int64_t rounds) {
  const Ticks n = rounds;
  return n * time.at + n * (n - 1) / 2 * time.step + n * (n - 1) * (n - 2) / 6 * time.growth;
}

/// Batches that only decode go round a pipeline: when one's step ends, its next step enters behind
/// those of the others.
struct SteadyRounds {
  std::vector<Recurring> ends;  ///< [batches] of their steps, in the order in which they entered
  std::vector<Recurring> free;  ///< [stations] when the last batch's step leaves them; of delays 0
  std::int64_t rounds = 0;      ///< how many more rounds are like round 0; at least 1
};

/// The rounds ahead, at most `most`, where the steps on their way end at `ends` [batches] and leave
/// `stations` at `free` [stations], and the batches' next steps take `costs` [batches x
/// stations]. Exact: a step enters a station at the later of its own end at the one before and the
/// end of the step in front of it (a max-plus recurrence). As long as the same of the two is the
/// later one, every time of a round is one of the round before and what steps take, which grows
/// evenly; rounds end where that changes. None where the times do not advance like that yet.
[[nodiscard]] std::optional<SteadyRounds> steady_rounds(std::span<const Station> stations,
                                                        std::span<const Ticks> ends,
                                                        std::span<const Ticks> free,
                                                        std::span<const StepRun> costs,
                                                        std::int64_t most);

}  // namespace rigsim::workloads
