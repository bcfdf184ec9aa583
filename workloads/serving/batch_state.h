#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "workloads/serving/batching.h"
#include "workloads/serving/kv_pool.h"
#include "workloads/serving/prefix_cache.h"
#include "workloads/serving/sequence.h"

namespace rigsim::workloads {

/// What a batch policy sees and moves: waiting and running sequences and their KV blocks.
class BatchState {
 public:
  /// Throws as validate().
  explicit BatchState(const BatchLimits& limits);
  BatchState(const BatchState&) = delete;
  BatchState& operator=(const BatchState&) = delete;

  [[nodiscard]] const BatchLimits& limits() const { return limits_; }
  [[nodiscard]] const KvPool& pool() const { return pool_; }
  [[nodiscard]] Sequence& at(Slot slot) { return slots_[slot]; }
  [[nodiscard]] const Sequence& at(Slot slot) const { return slots_[slot]; }
  /// In the order of admission.
  [[nodiscard]] const std::vector<Slot>& running() const { return running_; }
  [[nodiscard]] const std::deque<Slot>& waiting() const { return waiting_; }
  /// For policies with an order of their own, which must leave the same members.
  [[nodiscard]] std::deque<Slot>& waiting_order() { return waiting_; }
  [[nodiscard]] std::vector<Slot>& running_order() { return running_; }
  [[nodiscard]] const Prefix& prefix(Slot slot) const { return prefixes_[slot]; }
  /// So far.
  [[nodiscard]] std::int64_t preemptions() const { return preemptions_; }
  [[nodiscard]] bool idle() const { return running_.empty() && waiting_.empty(); }
  /// Whether `slot` still runs `request`: it may have another one by now.
  [[nodiscard]] bool runs(Slot slot, std::uint32_t request) const {
    const Sequence& sequence = at(slot);
    return sequence.running && !sequence.finished && sequence.request == request;
  }

  /// A new sequence, at the end of those that wait; by priority (then arrival) where `by_priority`.
  /// A prefix whose hashes do not span whole blocks cannot be found again.
  Slot arrive(const Sequence& sequence, Prefix prefix, bool by_priority);

  /// Blocks that `tokens` take.
  [[nodiscard]] std::int64_t blocks_of(std::int64_t tokens) const {
    return (tokens + limits_.kv_block_tokens - 1) / limits_.kv_block_tokens;
  }

  /// What is cached of a waiting sequence.
  [[nodiscard]] CachedPrefix cached(Slot slot) const;
  /// What is cached of a sequence that is not here.
  [[nodiscard]] CachedPrefix cached(const Sequence& sequence, Prefix prefix) const;

  /// Whether a sequence waits that may run beside those that do. One whose last token is on its way
  /// does not come back, nor one of which it is not known yet how many tokens are answered.
  [[nodiscard]] bool next_may_run() const {
    return !waiting_.empty() &&
           static_cast<std::int64_t>(running_.size()) < limits_.max_sequences &&
           !at(waiting_.front()).all_scheduled() && at(waiting_.front()).drafts == 0;
  }

  /// Whether blocks for `tokens` of a waiting sequence can be had, `reserve` staying free.
  [[nodiscard]] bool fits(const CachedPrefix& cached, std::int64_t tokens,
                          std::int64_t reserve = 0) const {
    return blocks_of(tokens) - cached.blocks + cached.unheld + reserve <= pool_.free();
  }

  /// A new sequence that neither waits nor runs: its KV cache comes from elsewhere, into the blocks
  /// of grow(). It has one token of its prompt left to compute.
  Slot expect(const Sequence& sequence);
  /// A sequence that was expected runs: its KV cache is here.
  void run_expected(Slot slot);

  /// Moves the first waiting sequence to the running ones, with what is cached of it.
  Slot admit(const CachedPrefix& cached);
  /// The same where the policy kept `tokens` of it, outside the cache: they take blocks of its own.
  /// False, and nothing changed, where there are too few.
  bool admit_kept(std::int64_t tokens);

  /// Gives a running or expected sequence blocks for `tokens` in all; false, and nothing changed,
  /// where there are too few.
  bool grow(Slot slot, std::int64_t tokens);

  /// Frees a running sequence's blocks and puts it in front of those that wait (by priority: to its
  /// place); its tokens are computed anew.
  void preempt(Slot slot, bool by_priority);
  /// The same, but behind all that wait, and what steps on their way answer it is discarded. Its
  /// cache keeps what was computed before it decoded.
  void retract(Slot slot);

  /// One token of a decoding sequence in `plan`, and `drafts` beside it; it has its blocks.
  void schedule_decode(Slot slot, StepPlan& plan, std::int64_t drafts = 0);
  /// `tokens` of a sequence's prompt in `plan`; it has their blocks.
  void schedule_chunk(Slot slot, std::int64_t tokens, StepPlan& plan);
  /// A row of a sequence whose last token is on its way: nothing comes of it. It has its blocks.
  void schedule_idle(Slot slot, StepPlan& plan);
  /// Takes back what `plan` has of the sequence.
  void unschedule(Slot slot, StepPlan& plan);

  /// Of the `drafts` tokens in a step that has ended, so many are accepted. The others' KV slots
  /// are free for its next tokens; its blocks stay (vLLM 0.19's scheduler.py, update_from_output).
  void settle(Slot slot, std::int64_t drafts, std::int64_t accepted);
  /// What the rows of a scheduled step attend to, now that the steps in front have ended; rows of
  /// finished sequences answer nothing. Once for a step, before sweep().
  void recount(StepPlan& plan) const;

  /// The sequence has all its tokens: its blocks are free, its slot when sweep() comes; where it
  /// was handed over, both when let_go() comes.
  void finish(Slot slot);
  /// Removes finished sequences from the running ones.
  void sweep();
  /// A finished sequence that was handed over is not needed any more.
  void let_go(Slot slot);

  /// Steps in a row, at most `most`, in which each of the running sequences can get one more token
  /// without any other block than what is free, and `reserve` blocks stay so.
  [[nodiscard]] std::int64_t steps_that_fit(std::int64_t most, std::int64_t reserve = 0) const;
  /// Schedules so many steps of one token for every running sequence.
  void decode_all(std::int64_t steps);

 private:
  Slot place(const Sequence& sequence, Prefix prefix);
  [[nodiscard]] std::int64_t blocks_for(std::int64_t steps) const;
  void enqueue(Slot slot, bool by_priority);
  void stop(Slot slot);
  void unschedule_drafts(std::ptrdiff_t row, StepPlan& plan);
  void release(Slot slot, std::int64_t keep_own = 0);

  BatchLimits limits_;
  KvPool pool_;
  PrefixCache cache_;
  std::vector<Sequence> slots_;
  std::vector<Prefix> prefixes_;  // by slot
  std::vector<Slot> spare_;
  std::vector<Slot> running_;
  std::deque<Slot> waiting_;
  std::int64_t preemptions_ = 0;
};

}  // namespace rigsim::workloads
