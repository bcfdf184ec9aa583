#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "workloads/serving/joint_step_cost.h"
#include "workloads/serving/replica.h"

namespace rigsim::workloads {

/// Replicas that step together, because they share their experts: all begin a step at the same
/// time, and it ends when the slowest is done (vLLM 0.19, v1/engine/core.py, DPEngineCoreProc).
///
/// Each has its own scheduler and KV cache. One that has nothing to run runs along with a dummy
/// batch (execute_dummy_batch). With asynchronous scheduling that, too, is settled when the step in
/// front begins: what arrives at an idle replica is first computed two steps later, as everywhere.
/// Whether any has unfinished requests is agreed upon every 32 steps (_has_global_unfinished_reqs);
/// until then all go on with dummy batches. Then they rest until a request comes; they count anew.
class LockStep {
 public:
  /// All of `replicas`, at least two, and `cost` must outlive this. The first step with a prompt
  /// takes `first_step` longer. Throws std::invalid_argument for fewer.
  LockStep(std::deque<Replica>& replicas, JointStepCost& cost, Ticks first_step);

  /// Starts on what came in by `now` where all rest.
  void wake(Ticks now);
  /// When the step that runs ends; none when they rest.
  [[nodiscard]] std::optional<Ticks> next_end() const;
  /// Ends that step, begins the next, and goes on through steps that end before `limit` as long as
  /// nothing but contexts changes. Returns the requests that finished.
  const std::vector<std::uint32_t>& advance(Ticks limit);

 private:
  static constexpr std::int64_t kAgreeEvery = 32;  // steps

  [[nodiscard]] bool idle() const;
  [[nodiscard]] bool rest();
  void begin(Ticks now);
  void enter(Ticks now);
  void leap(Ticks limit);
  [[nodiscard]] std::int64_t alike_steps(Ticks start) const;

  std::deque<Replica>& replicas_;
  JointStepCost& cost_;
  Ticks first_step_;
  bool running_ = false;
  bool had_none_ = false;        // unfinished requests, when the step before the last ended
  std::int64_t steps_ = 0;       // since they rested
  Ticks end_ = 0;                // of the step that runs
  StepRun run_;                  // and what those behind it take
  std::vector<RankLoad> loads_;  // [replicas]
  std::vector<StepRun> waits_;   // [replicas]
  std::vector<std::uint32_t> finished_;
};

}  // namespace rigsim::workloads
