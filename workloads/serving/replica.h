#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "workloads/serving/batch_policy.h"
#include "workloads/serving/batch_state.h"
#include "workloads/serving/serving_record.h"
#include "workloads/serving/step_cost.h"
#include "workloads/traffic.h"

namespace rigsim::workloads {

/// How decode steps that differ in nothing but their context are run. Results are the same.
enum class StepMode : std::uint8_t {
  kLeap,  ///< as many as no event changes at once
  kExact  ///< one by one
};

/// What a replica does for a request.
enum class ReplicaRole : std::uint8_t {
  kBoth,
  kPrefill,  ///< computes the prompt and keeps its KV cache until another has fetched it
  kDecode    ///< fetches the KV cache of a prompt and answers
};

/// One copy of a model, step by step: what is scheduled when a step ends, when its tokens are out,
/// when blocks are free again.
///
/// A step that was scheduled runs to its end. What arrives is seen at the next end of a step. With
/// asynchronous scheduling the step behind the one that runs is scheduled already: what arrives or
/// finishes now counts for the one after it (vLLM's step_with_batch_queue, two batches).
class Replica {
 public:
  /// `cost`, `records` and `observer` must outlive this. The first step takes `first_step` longer.
  /// Throws as validate(limits).
  Replica(std::uint32_t id, const BatchLimits& limits, const Batching& batching, StepCost& cost,
          std::vector<RequestRecord>& records, ServingObserver& observer, StepMode mode,
          Ticks first_step = 0, ReplicaRole role = ReplicaRole::kBoth);

  [[nodiscard]] ReplicaRole role() const { return role_; }

  /// Whether the request could ever run here.
  [[nodiscard]] bool can_run(const TrafficRequest& request) const;
  /// A request comes in.
  void arrive(std::uint32_t request, const TrafficRequest& what, Prefix prefix);
  /// kDecode: a request comes in whose prompt another replica has computed.
  void expect(std::uint32_t request, const TrafficRequest& what);
  /// kDecode: requests for whose KV cache there are blocks since the last call.
  [[nodiscard]] std::vector<std::uint32_t> take_fetches() { return std::exchange(fetches_, {}); }
  /// kDecode: the KV cache is here.
  void fetched(std::uint32_t request);
  /// kPrefill: the KV cache is where it should be.
  void let_go(std::uint32_t request);

  /// Starts on what came in by `now` where nothing runs.
  void wake(Ticks now);

  /// When the step that runs now ends; none when nothing runs.
  [[nodiscard]] std::optional<Ticks> next_end() const;
  /// Ends the step that runs, starts the next, and goes on through steps that end before `limit` as
  /// long as nothing but contexts changes. Returns the requests that finished, or that are ready to
  /// be handed over.
  const std::vector<std::uint32_t>& advance(Ticks limit);

  /// Sequences that wait or run.
  [[nodiscard]] std::int64_t outstanding() const;
  [[nodiscard]] const BatchState& state() const { return state_; }
  /// Prompt tokens of a request that are cached here.
  [[nodiscard]] std::int64_t cached_tokens(const TrafficRequest& what, Prefix prefix) const;

 private:
  /// Steps that may be planned at once, the one that runs included.
  [[nodiscard]] std::size_t depth() const { return state_.limits().async_scheduling ? 2 : 1; }
  void fill(Ticks now);
  [[nodiscard]] bool has_place() const;
  [[nodiscard]] bool can_fetch() const;
  void admit_expected(Ticks now);
  void finish(Slot slot, Ticks now);
  void hand_over(Slot slot, Ticks now);
  void begin_step(Ticks now);
  void end_step();
  void emit(Slot slot, Ticks now);
  void flush_gaps();
  void leap(Ticks limit);
  [[nodiscard]] std::int64_t alike_steps() const;
  [[nodiscard]] StepRecord record_of(const StepPlan& plan) const;

  std::uint32_t id_;
  ReplicaRole role_;
  BatchState state_;
  std::unique_ptr<BatchPolicy> policy_;
  StepCost& cost_;
  std::vector<RequestRecord>& records_;
  ServingObserver& observer_;
  StepMode mode_;
  bool tokens_wanted_;
  std::deque<StepPlan> planned_;  // the first one runs
  std::vector<StepPlan> spare_plans_;
  std::vector<PromptChunk> chunks_;
  Ticks first_step_;
  StepRun run_;      // of the step that runs
  Ticks start_ = 0;  // of it
  std::int64_t preemptions_seen_ = 0;
  GapRun gaps_;
  std::vector<std::uint32_t> finished_;
  std::deque<Slot> expected_;                             // no blocks for their KV caches yet
  std::deque<Slot> fetched_;                              // these are here
  std::vector<std::uint32_t> fetches_;                    // requests
  std::unordered_map<std::uint32_t, Slot> on_their_way_;  // by request: KV caches, to here or away
};

}  // namespace rigsim::workloads
