#include "workloads/serving/joint_step_cost.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rigsim::workloads {

std::int64_t RankLoad::tokens() const {
  std::int64_t tokens = decode.sequences;
  for (const PromptChunk& each : chunks) tokens += each.tokens;
  return tokens;
}

StepRun slowest(std::span<const StepRun> runs) {
  if (runs.empty()) throw std::invalid_argument("the slowest of no runs");
  StepRun longest = *std::ranges::max_element(
      runs, {}, [](const StepRun& run) { return std::pair(run.first, run.slope); });
  for (const StepRun& run : runs) {
    longest.steps = std::min(longest.steps, run.steps);
    if (run.slope <= longest.slope) continue;
    // It is not longer for as many steps as it makes good what it is behind.
    const Ticks until = (longest.first - run.first) / (run.slope - longest.slope) + 1;
    longest.steps = static_cast<std::int64_t>(std::min<Ticks>(longest.steps, until));
  }
  return longest;
}

}  // namespace rigsim::workloads
