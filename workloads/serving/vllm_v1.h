#pragma once

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See VllmV1Batching.
class VllmV1Policy final : public BatchPolicy {
 public:
  explicit VllmV1Policy(const VllmV1Batching& batching) : batching_(batching) {}

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;
  [[nodiscard]] bool by_priority() const override { return batching_.by_priority; }

 private:
  /// Plans running sequences within `budget`; whether one was preempted.
  bool plan_running(BatchState& state, StepPlan& plan, std::int64_t& budget) const;
  void plan_waiting(BatchState& state, StepPlan& plan, std::int64_t budget) const;
  bool make_room(BatchState& state, StepPlan& plan, Slot slot, std::int64_t tokens) const;
  [[nodiscard]] Slot victim(const BatchState& state) const;
  [[nodiscard]] std::int64_t chunk(std::int64_t tokens, std::int64_t budget) const;
  [[nodiscard]] std::int64_t tokens_of(const BatchState& state, const Sequence& sequence,
                                       std::int64_t budget) const;
  [[nodiscard]] bool admissible(const BatchState& state, const CachedPrefix& cached,
                                std::int64_t on_host, std::int64_t budget) const;
  [[nodiscard]] std::int64_t next_loaded(const BatchState& state, std::int64_t budget) const;
  void plan_loaded(BatchState& state, StepPlan& plan, std::int64_t& budget) const;

  VllmV1Batching batching_;
};

}  // namespace rigsim::workloads
