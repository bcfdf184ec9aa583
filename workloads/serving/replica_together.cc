#include <cstdint>

#include "workloads/serving/replica.h"

namespace rigsim::workloads {

void Replica::plan_next(Ticks now) {
  if (count_ == 0) plan_one(now);
}

void Replica::plan_ahead(Ticks now) {
  while (count_ < steps_.size()) plan_one(now);
}

void Replica::plan_one(Ticks now) {
  Step& step = planned(count_++);
  step.plan.clear();
  policy_->plan(state_, step.plan);
  step.ready = now;
  step.entered = false;
}

void Replica::begin_together(Ticks now, const JointStep& joint) {
  Step& step = planned(0);
  step.begin = step.ready = now;
  step.run = joint.run;
  step.wait = joint.wait;
  step.group_tokens = joint.tokens;
  step.group_most = joint.most;
  step.end = now + joint.run.first;
  step.entered = true;
  note_begin(step);
}

const std::vector<std::uint32_t>& Replica::end_together() {
  finished_.clear();
  end_step();
  return finished_;
}

std::int64_t Replica::alike_steps_together(Ticks start) const {
  constexpr std::int64_t kForever = std::int64_t{1} << 40;
  return state_.idle() ? kForever : alike_steps(start);
}

}  // namespace rigsim::workloads
