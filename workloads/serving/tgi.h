#pragma once

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See TgiBatching.
class TgiPolicy final : public BatchPolicy {
 public:
  explicit TgiPolicy(const TgiBatching& batching) : batching_(batching) {}

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  void repeated(std::int64_t steps) override { waited_ += steps; }
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;

 private:
  /// The prompts that next_batch() would take now, [first of those that wait]; 0: none.
  [[nodiscard]] std::size_t next_batch(const BatchState& state, std::size_t at_least) const;
  [[nodiscard]] std::size_t least(const BatchState& state) const;

  TgiBatching batching_;
  std::int64_t waited_ = 1;   // waiting_tokens: decode steps since the last prompts
  bool must_decode_ = false;  // a step of prompts in between has been
};

}  // namespace rigsim::workloads
