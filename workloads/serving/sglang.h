#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {

/// See SglangBatching. In a pipeline (scheduler_pp_mixin.py, event_loop_pp, without
/// pp_async_batch_depth) it goes round so many micro-batches, each with a running batch of its own
/// and its share of the places; waiting requests, the prompt in chunks, cache and share of answers
/// are common. One micro-batch after the other is scheduled when its last step has ended, until it
/// is the turn of one on its way. Differences from the source: where it would stop with an error
/// because the cache is full, a chunk is cut to what is left and at last the only sequence
/// retracted; a retracted sequence frees nothing of the cache beyond what it needs; under the
/// overlap schedule a prompt is found in the cache a step earlier; requests do not ignore the
/// end-of-text token.
class SglangPolicy final : public BatchPolicy {
 public:
  explicit SglangPolicy(const SglangBatching& batching);

  void plan(BatchState& state, StepPlan& plan) override;
  [[nodiscard]] std::int64_t repeats(const BatchState& state, std::int64_t most) const override;
  void repeated(std::int64_t steps) override;
  void pipelined(std::size_t batches) override;
  void step_ended() override;
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

  /// running_batch and last_batch of a micro-batch.
  struct MicroBatchState {
    bool full = false;                 // batch_is_full
    std::int64_t size = 0;             // requests, those that have ended included
    std::vector<Member> last_prompts;  // the last batch, where it was of prompts
  };

  [[nodiscard]] MicroBatchState& here() { return batches_[turn_]; }
  [[nodiscard]] std::vector<Slot> batch_of(const BatchState& state) const;
  [[nodiscard]] bool is_here(Slot slot) const {
    return slot < batch_of_slot_.size() && batch_of_slot_[slot] == turn_;
  }
  [[nodiscard]] std::int64_t places(const BatchState& state) const;
  void plan_turn(BatchState& state, StepPlan& plan);
  void plan_round(BatchState& state, StepPlan& plan);
  void merge_prompts(const BatchState& state);
  bool plan_prompts(BatchState& state, StepPlan& plan);
  void plan_decode(BatchState& state, StepPlan& plan);
  void make_room(BatchState& state, std::vector<Slot>& batch);
  void order_waiting(BatchState& state) const;
  void decay();

  SglangBatching batching_;
  double first_ratio_;           // init_new_token_ratio
  double least_ratio_;           // min_new_token_ratio
  double ratio_;                 // new_token_ratio
  std::optional<Slot> chunked_;  // chunked_req
  std::vector<MicroBatchState> batches_ = std::vector<MicroBatchState>(1);
  std::size_t turn_ = 0;                    // mb_id
  std::deque<std::size_t> on_their_way_;    // micro-batches, in the order of their steps
  std::vector<std::size_t> batch_of_slot_;  // micro-batch of the last step that has the slot
  bool empty_turn_ = false;                 // the last turn had nothing to run
};

}  // namespace rigsim::workloads
