#pragma once

#include "workloads/serving/batch_policy.h"
#include "workloads/serving/v0_block_manager.h"

namespace rigsim::workloads {

/// See VllmV0Batching.
class VllmV0Policy final : public BatchPolicy {
 public:
  explicit VllmV0Policy(const VllmV0Batching& batching) : batching_(batching) {}

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
  [[nodiscard]] std::int64_t free_to_decode() const override { return kFreeToDecode; }

 private:
  [[nodiscard]] bool admissible(const BatchState& state, std::int64_t budget) const;
  void plan_prompts(BatchState& state, StepPlan& plan) const;
  [[nodiscard]] bool may_swap_in(const BatchState& state, std::int64_t scheduled) const;
  void plan_swapped(BatchState& state, StepPlan& plan) const;

  VllmV0Batching batching_;
};

}  // namespace rigsim::workloads
