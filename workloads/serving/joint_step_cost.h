#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "workloads/serving/step_cost.h"

namespace rigsim::workloads {

/// What one of several replicas brings to a step that they take together; nothing where it only
/// runs along.
struct RankLoad {
  DecodeLoad decode;
  std::vector<PromptChunk> chunks;

  [[nodiscard]] std::int64_t tokens() const;
  /// Rows whose tokens are drawn.
  [[nodiscard]] std::int64_t sequences() const {
    return decode.sequences + static_cast<std::int64_t>(chunks.size());
  }
};

/// Prices the steps of replicas in lock step. Answers depend on the arguments alone.
class JointStepCost {
 public:
  virtual ~JointStepCost() = default;
  /// A step of all `ranks`, and what the next ones do as long as only contexts grow: StepRun's and
  /// StepCost::decode's rules for all of them at once. `waits` [ranks] gets for how long each of
  /// them waits for the slowest in step i of the run: first + i x slope.
  virtual StepRun price(std::span<const RankLoad> ranks, std::span<StepRun> waits) = 0;
};

/// The longest of several runs side by side, as long as it is the same one; where the first steps
/// are equally long, the one that grows most. Throws std::invalid_argument for none.
[[nodiscard]] StepRun slowest(std::span<const StepRun> runs);

}  // namespace rigsim::workloads
