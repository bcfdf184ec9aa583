#pragma once

#include "workloads/serving/batch_policy.h"
#include "workloads/serving/v0_block_manager.h"

namespace rigsim::workloads {

/// See SarathiBatching.
class SarathiPolicy final : public BatchPolicy {
 public:
  explicit SarathiPolicy(const SarathiBatching& batching) : batching_(batching) {}

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
  [[nodiscard]] std::int64_t free_to_decode() const override { return kFreeToDecode; }

 private:
  [[nodiscard]] bool admissible(const BatchState& state) const;
  static void plan_partial(BatchState& state, StepPlan& plan, std::int64_t& budget);

  SarathiBatching batching_;
};

}  // namespace rigsim::workloads
