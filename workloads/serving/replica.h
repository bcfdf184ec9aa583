#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "workloads/serving/batch_policy.h"
#include "workloads/serving/batch_state.h"
#include "workloads/serving/serving_record.h"
#include "workloads/serving/steady_rounds.h"
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

/// A step that several replicas take together, as one of them sees it.
struct JointStep {
  StepRun run;              ///< it, and those that are alike behind it
  StepRun wait;             ///< of these, for how long this replica waits for the slowest
  std::int64_t tokens = 0;  ///< of all replicas
  std::int64_t most = 0;    ///< of the one that has most; at least the one of a dummy batch
};

/// One copy of a model, step by step: what is scheduled when a step ends, when its tokens are out,
/// when blocks are free again.
///
/// A step that was scheduled runs to its end. What arrives is seen at the next end of a step. With
/// asynchronous scheduling the step behind the one that runs is scheduled already: what arrives or
/// finishes now counts for the one after it (vLLM's step_with_batch_queue, two batches).
///
/// A pipeline has `in_flight` steps on their way at once (the same function; max_concurrent_batches
/// is the number of stages). Each passes the stations in order. A sequence is in one of them: its
/// next token is scheduled when the one before is out, also behind a preemption; of a prompt
/// several chunks can be on their way. With asynchronous scheduling a sequence may be in all of
/// them, and no stage begins a step before the tokens of the one in front are out: they are
/// broadcast on the streams that compute (vLLM 0.19, gpu_model_runner.py,
/// _pp_receive_prev_sampled_token_ids_to_input_batch).
class Replica {
 public:
  /// What `stations` names, `records` and `observer` must outlive this. The first step takes
  /// `first_step` longer. Throws as validate(limits).
  Replica(std::uint32_t id, const BatchLimits& limits, const Batching& batching,
          std::span<const Station> stations, std::int32_t in_flight,
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

  /// When the first of the steps on their way ends; none when nothing runs.
  [[nodiscard]] std::optional<Ticks> next_end() const;
  /// Ends that step, schedules the next, and goes on through steps that end before `limit` as
  /// long as nothing but contexts changes. Returns the requests that finished, or that are ready to
  /// be handed over.
  const std::vector<std::uint32_t>& advance(Ticks limit);

  // In lock step with others (lock_step.h), which says when steps begin: in place of wake(),
  // next_end() and advance(). Steps with nothing in them are planned like others.
  /// Plans the next step where none is planned.
  void plan_next(Ticks now);
  /// Plans as many as may be planned.
  void plan_ahead(Ticks now);
  /// What the next step computes, or the one that runs.
  [[nodiscard]] const StepPlan& next_plan() const { return planned(0).plan; }
  void begin_together(Ticks now, const JointStep& step);
  /// Ends that step; returns the requests that finished.
  const std::vector<std::uint32_t>& end_together();
  /// Drops what is planned, in which there is nothing.
  void forget_plans() { count_ = 0; }
  /// How many further steps would be planned like those that are; the one that runs has `start`.
  [[nodiscard]] std::int64_t alike_steps_together(Ticks start) const;
  /// Runs so many steps like the one that has `start`, from it on, `done` behind what sequences
  /// count.
  void run_alike(Ticks start, std::int64_t steps, std::int64_t done);
  /// So many were run, up to `end`.
  void ran_alike(Ticks end, std::int64_t steps);
  [[nodiscard]] bool goes_step_by_step() const { return mode_ == StepMode::kExact; }

  /// Sequences that wait or run.
  [[nodiscard]] std::int64_t outstanding() const;
  [[nodiscard]] const BatchState& state() const { return state_; }
  /// Prompt tokens of a request that are cached here.
  [[nodiscard]] std::int64_t cached_tokens(const TrafficRequest& what, Prefix prefix) const;

 private:
  /// A step that is scheduled, and once that is known, its way through the stations.
  struct Step {
    StepPlan plan;
    bool entered = false;
    Ticks ready = 0;  // when it was scheduled
    Ticks begin = 0;  // when the first station takes it
    Ticks end = 0;
    Ticks copying = 0;          // of it, KV blocks to and from the host, the most of any station
    StepRun run;                // at all stations together
    std::vector<StepRun> runs;  // by station; empty where a step passes one alone; by
                                // stage where those of a station are told apart
    StepRun wait{0, 0, 1};      // in lock step: for the slowest
    std::int64_t group_tokens = 0;
    std::int64_t group_most = 0;
  };

  /// Step `i` of those on their way, in the order of their ends; the first one has entered.
  [[nodiscard]] Step& planned(std::size_t i) { return steps_[place(i)]; }
  [[nodiscard]] const Step& planned(std::size_t i) const { return steps_[place(i)]; }
  [[nodiscard]] std::size_t place(std::size_t i) const {
    return front_ + i < steps_.size() ? front_ + i : front_ + i - steps_.size();
  }
  /// Whether batches take turns in a pipeline.
  [[nodiscard]] bool token_by_token() const {
    return in_flight_ > 1 && !state_.limits().async_scheduling;
  }
  void fill(Ticks now);
  [[nodiscard]] bool has_place() const;
  [[nodiscard]] bool can_fetch() const;
  [[nodiscard]] bool admits_expected() const;
  void admit_expected(Ticks now);
  void finish(Slot slot, Ticks now);
  void hand_over(Slot slot, Ticks now);
  [[nodiscard]] std::int64_t unanswered_before(const ScheduledChunk& chunk) const;
  void price(Step& step);
  void enter(Step& step);
  [[nodiscard]] Ticks pass(const Step& step, Ticks at);
  Ticks end_step();
  void plan_one(Ticks now);
  void emit(Slot slot, Ticks now, std::int64_t tokens = 1);
  void verify(const StepPlan& plan, Ticks now, StepRecord& record);
  // replica_record.cc
  void note_begin(const Step& step);
  void count_host_blocks(StepRecord& record);
  void store_chunk(const ScheduledChunk& chunk, Ticks now);
  void store_answer(Slot slot, Ticks now);
  void flush_gaps();
  [[nodiscard]] StepRecord record_of(const StepPlan& plan) const;
  void observe(StepRecord& record, const Step& step, std::int64_t steps_before = 0);
  // replica_leap.cc
  void leap(Ticks limit);
  [[nodiscard]] bool in_turn() const;
  void leap_in_turn(Ticks limit);
  [[nodiscard]] std::int64_t alike_steps(Ticks start) const;
  void store_answers(const StepPlan& plan, std::int64_t done, const StepRecord& steps);
  void leap_in_rounds(Ticks limit);
  [[nodiscard]] std::int64_t alike_rounds() const;
  [[nodiscard]] std::optional<SteadyRounds> rounds_ahead(std::int64_t most);
  void observe_rounds(const SteadyRounds& rounds, std::int64_t count);
  void advance_rounds(const SteadyRounds& rounds, std::int64_t count);

  std::uint32_t id_;
  ReplicaRole role_;
  std::size_t in_flight_;
  BatchState state_;
  std::unique_ptr<BatchPolicy> policy_;
  std::span<const Station> stations_;
  std::vector<RequestRecord>& records_;
  ServingObserver& observer_;
  StepMode mode_;
  bool tokens_wanted_;
  std::vector<Step> steps_;  // a ring: as many as may be on their way at once
  std::size_t front_ = 0;
  std::size_t count_ = 0;  // on their way
  std::vector<PromptChunk> chunks_;
  std::vector<StepRun> costs_;    // [batches x stations]
  std::vector<Ticks> ends_;       // [batches]
  std::vector<Ticks> computing_;  // by stage
  std::vector<Ticks> free_;       // by station: when the last step that entered leaves it
  Ticks last_end_ = 0;            // of the steps that ended
  Ticks tokens_out_ = 0;          // of the last step that entered and answers any
  std::optional<ScheduledChunk> unanswered_;  // all of the last step that entered
  Ticks first_step_;
  std::int64_t preemptions_seen_ = 0;
  std::int64_t stored_seen_ = 0;
  std::int64_t loaded_seen_ = 0;
  std::vector<std::pair<std::int64_t, std::size_t>> full_;  // steps in which rows fill a block
  GapRun gaps_;
  std::vector<std::uint32_t> finished_;
  std::deque<Slot> expected_;                             // no blocks for their KV caches yet
  std::deque<Slot> fetched_;                              // these are here
  std::vector<std::uint32_t> fetches_;                    // requests
  std::unordered_map<std::uint32_t, Slot> on_their_way_;  // by request: KV caches, to here or away
};

}  // namespace rigsim::workloads
