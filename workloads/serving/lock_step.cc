#include "workloads/serving/lock_step.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace rigsim::workloads {

LockStep::LockStep(std::deque<Replica>& replicas, JointStepCost& cost, Ticks first_step)
    : replicas_(replicas),
      cost_(cost),
      first_step_(first_step),
      loads_(replicas.size()),
      waits_(replicas.size()) {
  if (replicas.size() < 2)
    throw std::invalid_argument("lock step needs at least two replicas, got " +
                                std::to_string(replicas.size()));
}

/// No replica has an unfinished request.
bool LockStep::idle() const {
  return std::ranges::all_of(replicas_,
                             [](const Replica& replica) { return replica.state().idle(); });
}

void LockStep::wake(Ticks now) {
  if (running_ || idle()) return;
  running_ = true;
  had_none_ = false;
  begin(now);
}

std::optional<Ticks> LockStep::next_end() const {
  return running_ ? std::optional(end_) : std::nullopt;
}

/// The next step begins.
void LockStep::enter(Ticks now) {
  for (std::size_t r = 0; r < replicas_.size(); ++r) {
    const StepPlan& plan = replicas_[r].next_plan();
    loads_[r].decode = {plan.rows(), plan.kv_tokens};
    loads_[r].chunks.clear();
    for (const ScheduledChunk& each : plan.chunks)
      loads_[r].chunks.push_back({each.tokens, each.cached});
  }
  run_ = cost_.price(loads_, waits_);
  const bool prompts =
      std::ranges::any_of(loads_, [](const RankLoad& load) { return !load.chunks.empty(); });
  if (prompts) run_.first += std::exchange(first_step_, 0);
  std::int64_t tokens = 0;
  std::int64_t most = 1;  // of a dummy batch
  for (const RankLoad& load : loads_) {
    tokens += load.tokens();
    most = std::max(most, load.tokens());
  }
  for (std::size_t r = 0; r < replicas_.size(); ++r)
    replicas_[r].begin_together(now, {run_, waits_[r], tokens, most});
  end_ = now + run_.first;
}

/// Begins the step that is planned, or is to be planned now, and plans ahead.
void LockStep::begin(Ticks now) {
  for (Replica& replica : replicas_) replica.plan_next(now);
  enter(now);
  for (Replica& replica : replicas_) replica.plan_ahead(now);
}

/// Whether they rest behind the step that has ended. With asynchronous scheduling a step's tokens
/// are seen when the next one is on its way, so that what is agreed upon is one step old.
bool LockStep::rest() {
  const bool none = idle();
  const bool known = replicas_.front().state().limits().async_scheduling ? had_none_ : none;
  had_none_ = none;
  if (++steps_ % kAgreeEvery != 0 || !known) return false;
  steps_ = 0;
  return none;
}

const std::vector<std::uint32_t>& LockStep::advance(Ticks limit) {
  finished_.clear();
  const Ticks now = end_;
  for (Replica& replica : replicas_) {
    const auto& done = replica.end_together();
    finished_.insert(finished_.end(), done.begin(), done.end());
  }
  if (rest()) {
    running_ = false;
    for (Replica& replica : replicas_) replica.forget_plans();
    return finished_;
  }
  begin(now);
  if (finished_.empty()) leap(limit);
  return finished_;
}

/// How many further steps all would plan like those that are planned.
std::int64_t LockStep::alike_steps(Ticks start) const {
  if (idle()) return kAgreeEvery - 1 - steps_ % kAgreeEvery;
  std::int64_t steps = std::int64_t{1} << 40;
  for (const Replica& replica : replicas_)
    steps = std::min(steps, replica.alike_steps_together(start));
  return steps;
}

void LockStep::leap(Ticks limit) {
  if (end_ >= limit || replicas_.front().goes_step_by_step()) return;
  Ticks start = end_ - run_.first;
  std::int64_t left = alike_steps(start);
  std::int64_t done = 0;
  while (left > 0) {
    const std::int64_t most = std::min(left, run_.steps);
    const std::int64_t steps = terms_below(run_.first, run_.slope, limit - start, most);
    if (steps == 0) break;
    for (Replica& replica : replicas_) replica.run_alike(start, steps, done);
    start += series(run_.first, run_.slope, steps);
    done += steps;
    left -= steps;
    enter(start);
    if (steps < most) break;
  }
  if (done == 0) return;
  steps_ += done;
  for (Replica& replica : replicas_) replica.ran_alike(start, done);
}

}  // namespace rigsim::workloads
