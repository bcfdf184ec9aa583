#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See SglangBatching. Differences from the source: where it would stop with an error because the
/// cache is full, a chunk is cut to what is left and at last the only sequence retracted; a
/// retracted sequence frees nothing of the cache beyond what it needs; under the overlap schedule a
/// prompt is found in the cache a step earlier; requests do not ignore the end-of-text token.
class SglangPolicy final : public BatchPolicy {
 public:
  explicit SglangPolicy(const SglangBatching& batching);

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  void repeated(std::int64_t steps) override;
  [[nodiscard]] bool can_run(const BatchState& state, const Sequence& sequence) const override;

 private:
  /// A sequence of the last step of prompts: its slot may have been given to another since.
  struct Member {
    Slot slot = 0;
    std::uint32_t request = 0;
  };
  /// A sequence that this step computes the next tokens of.
  struct Part {
    Slot slot = 0;
    std::int64_t tokens = 0;
  };

  void merge_prompts(const BatchState& state);
  bool plan_prompts(BatchState& state, StepPlan& plan);
  void plan_decode(BatchState& state, StepPlan& plan);
  void make_room(BatchState& state, std::vector<Slot>& batch);
  void order_waiting(BatchState& state) const;
  void decay();

  SglangBatching batching_;
  double first_ratio_;                // init_new_token_ratio
  double least_ratio_;                // min_new_token_ratio
  double ratio_;                      // new_token_ratio
  bool full_ = false;                 // running_batch.batch_is_full
  std::int64_t in_batch_ = 0;         // requests of running_batch, those that have ended included
  std::optional<Slot> chunked_;       // chunked_req
  std::vector<Member> last_prompts_;  // last_batch, where it was of prompts
  bool empty_turn_ = false;           // the last turn had nothing to run
};

}  // namespace rigsim::workloads
