#pragma once

#include <vector>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See OrcaBatching.
class OrcaPolicy final : public BatchPolicy {
 public:
  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
};

/// See StaticBatching.
class StaticPolicy final : public BatchPolicy {
 public:
  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
};

}  // namespace rigsim::workloads
