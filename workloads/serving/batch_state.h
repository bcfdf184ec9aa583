#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "workloads/serving/batching.h"
#include "workloads/serving/host_tier.h"
#include "workloads/serving/kv_pool.h"
#include "workloads/serving/prefix_cache.h"
#include "workloads/serving/sequence.h"

namespace rigsim::workloads {

/// Host memory has no room for a sequence that has to be swapped out. vLLM V0 ends there ("Aborted
/// due to the lack of CPU swap space", scheduler.py, _swap_out).
class SwapSpaceFull : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

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
  /// Those whose KV blocks are in host memory, in the order in which they left.
  [[nodiscard]] const std::deque<Slot>& swapped() const { return swapped_; }
  /// Blocks of host memory that they hold.
  [[nodiscard]] std::int64_t swap_held() const { return swap_held_; }
  /// For policies with an order of their own, which must leave the same members.
  [[nodiscard]] std::deque<Slot>& waiting_order() { return waiting_; }
  [[nodiscard]] std::vector<Slot>& running_order() { return running_; }
  [[nodiscard]] const Prefix& prefix(Slot slot) const { return prefixes_[slot]; }
  /// So far.
  [[nodiscard]] std::int64_t preemptions() const { return preemptions_; }
  [[nodiscard]] bool idle() const {
    return running_.empty() && waiting_.empty() && swapped_.empty() && loaded_.empty() &&
           loading_ == 0;
  }
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

  /// Whether a sequence waits that may run beside those that do; swapped ones go first. One whose
  /// last token is on its way does not come back, nor one of which it is not known yet how many
  /// tokens are answered.
  [[nodiscard]] bool next_may_run() const {
    const std::deque<Slot>& next = swapped_.empty() ? waiting_ : swapped_;
    return !next.empty() && static_cast<std::int64_t>(running_.size()) < limits_.max_sequences &&
           !at(next.front()).all_scheduled() && at(next.front()).drafts == 0;
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

  /// Moves a running sequence's blocks to host memory, before the step of `plan`; it waits behind
  /// those that are there. Throws SwapSpaceFull where they might not fit.
  void swap_out(Slot slot, StepPlan& plan);
  /// Whether the first of the swapped sequences may come back and get a token, `reserve` blocks
  /// staying free.
  [[nodiscard]] bool may_swap_in(std::int64_t reserve) const {
    return !swapped_.empty() && next_may_run() &&
           blocks_to_go_on(at(swapped_.front())) + reserve <= pool_.free();
  }
  /// Brings it back.
  Slot swap_in(StepPlan& plan);

  /// Gives the prefix cache its tier in host memory, limits().host_blocks of it.
  void add_host_tier(BlockCopyCost copies);
  [[nodiscard]] const std::optional<HostTier>& host() const { return host_; }
  /// What happens from now on happens at `now`.
  void set_clock(Ticks now) { now_ = now; }
  /// The same, and what was loaded by then may run.
  void settle(Ticks now);
  /// What the host has of the first waiting sequence behind what is cached.
  [[nodiscard]] HostTier::Found on_host(const CachedPrefix& cached) const {
    if (!host_) return {};
    const Slot next = waiting_.front();
    return host_->find(at(next), prefixes_[next], cached.blocks);
  }
  /// The first waiting sequence has blocks for so many of its blocks on the host behind what is
  /// cached, and these are on their way.
  void load(const CachedPrefix& cached, std::int64_t blocks);
  /// Sequences that are loaded and do not run yet, in the order in which they were.
  [[nodiscard]] const std::deque<Slot>& loaded() const { return loaded_; }
  /// Those and others that wait for blocks from the host.
  [[nodiscard]] std::int64_t with_blocks() const {
    return loading_ + static_cast<std::int64_t>(loaded_.size());
  }
  /// All that have come and do not run: waiting, swapped and with_blocks().
  [[nodiscard]] std::int64_t not_running() const {
    return static_cast<std::int64_t>(waiting_.size() + swapped_.size()) + with_blocks();
  }
  /// The first that is loaded runs.
  Slot admit_loaded();
  /// The last that was loaded loses its blocks and waits in front.
  void unload();
  /// Full blocks of a running sequence that are on the device since `now`.
  void store(Slot slot, std::int64_t blocks, Ticks now) {
    host_->store(slot, at(slot), prefixes_[slot], blocks, now);
  }

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
  void take_drafts(Slot slot, std::int64_t drafts, std::int64_t accepted);
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
  /// Of a sequence with one more token: full blocks and one that is not.
  [[nodiscard]] std::int64_t blocks_to_go_on(const Sequence& sequence) const {
    return sequence.computed / limits_.kv_block_tokens + 1;
  }
  void enqueue(Slot slot, bool by_priority);
  void leave(Slot slot);
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
  std::deque<Slot> swapped_;
  std::int64_t swap_held_ = 0;
  std::optional<HostTier> host_;
  std::deque<Slot> loaded_;
  std::int64_t loading_ = 0;
  Ticks now_ = 0;
  std::int64_t preemptions_ = 0;
};

}  // namespace rigsim::workloads
