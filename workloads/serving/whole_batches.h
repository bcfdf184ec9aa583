#pragma once

#include <vector>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See OrcaBatching.
class OrcaPolicy final : public BatchPolicy {
 public:
  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] bool repeats(const BatchState& state) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
};

/// See StaticBatching.
class StaticPolicy final : public BatchPolicy {
 public:
  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] bool repeats(const BatchState& state) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
};

}  // namespace rigsim::workloads
