#pragma once

#include <memory>

#include "workloads/serving/batch_state.h"
#include "workloads/serving/batching.h"

namespace rigsim::workloads {

/// Decides what one replica computes in its next step.
class BatchPolicy {
 public:
  virtual ~BatchPolicy() = default;

  /// So many steps are on their way at once, each with sequences of its own: said before the first.
  virtual void pipelined(std::size_t /*batches*/) {}
  /// The first of the steps on their way has ended.
  virtual void step_ended() {}

  /// Chooses the next step from `state`, admits and preempts as it does, and schedules it there;
  /// an empty plan means that nothing can run until something arrives or finishes.
  virtual void plan(BatchState& state, StepPlan& plan) = 0;

  /// After a step in which every running sequence decodes: how many of the next steps, at most
  /// `most`, are planned alike, as long as no sequence has all its tokens scheduled, none arrives,
  /// and free blocks are enough.
  [[nodiscard]] virtual std::int64_t repeats(const BatchState& state, std::int64_t most) const = 0;

  /// So many steps like the last one were scheduled without plan().
  virtual void repeated(std::int64_t /*steps*/) {}

  /// Whether an empty replica would ever run the sequence to its end.
  [[nodiscard]] virtual bool can_run(const BatchState& state, const Sequence& sequence) const = 0;

  /// Free blocks without which decoding sequences are not all scheduled, beside what they take.
  [[nodiscard]] virtual std::int64_t free_to_decode() const { return 0; }

  /// Whether sequences wait by priority.
  [[nodiscard]] virtual bool by_priority() const { return false; }
};

/// Whether all blocks of `state` but `reserve` hold the sequence with all its tokens; the last one
/// is answered, never computed on.
[[nodiscard]] inline bool holds(const BatchState& state, const Sequence& sequence,
                                std::int64_t reserve = 0) {
  return state.blocks_of(sequence.prompt + sequence.output - 1) + reserve <=
         state.limits().kv_blocks;
}

[[nodiscard]] std::unique_ptr<BatchPolicy> make_batch_policy(const Batching& batching);

}  // namespace rigsim::workloads
