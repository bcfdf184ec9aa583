#include <algorithm>
#include <utility>

#include "workloads/serving/replica.h"

namespace rigsim::workloads {

void Replica::leap(Ticks limit) {
  if (state_.limits().speculation.on()) return;  // what steps answer is left to chance
  if (state_.host()) limit = std::min(limit, state_.host()->next().value_or(limit));
  if (count_ == 0 || planned(0).end >= limit) return;
  in_turn() ? leap_in_turn(limit) : leap_in_rounds(limit);
}

/// Whether each step begins when the one before has ended: there is one batch, or, with
/// asynchronous scheduling, its tokens are waited for.
bool Replica::in_turn() const { return state_.limits().async_scheduling || count_ == 1; }

/// How many further steps the policy would plan like those that are planned: each running sequence
/// gets one token in each. The step that runs has `start`.
std::int64_t Replica::alike_steps(Ticks start) const {
  if (state_.limits().async_scheduling && count_ < steps_.size()) return 0;
  if (admits_expected()) return 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Step& step = planned(i);
    if (!step.plan.only_decodes() || step.plan.idle > 0 ||
        step.plan.decode.size() != state_.running().size())
      return 0;
  }
  std::int64_t steps = state_.at(state_.running().front()).output;
  for (const Slot slot : state_.running()) {
    const Sequence& sequence = state_.at(slot);
    if (sequence.last_token != start) return 0;  // its next gap is not the step's duration
    steps = std::min(steps, sequence.output - sequence.scheduled_output);
  }
  if (steps > 0) steps = policy_->repeats(state_, steps);
  if (steps <= 0) return 0;
  if (in_flight_ > 1 && state_.next_may_run()) return 0;  // it might get a step of its own
  return state_.steps_that_fit(steps, policy_->free_to_decode());
}

/// What sequences fill of blocks in `steps`, `done` steps behind what they count, step by step.
void Replica::store_answers(const StepPlan& plan, std::int64_t done, const StepRecord& steps) {
  const std::int64_t block = state_.limits().kv_block_tokens;
  full_.clear();
  for (std::size_t row = 0; row < plan.decode.size(); ++row) {
    const Sequence& sequence = state_.at(plan.decode[row]);
    const std::int64_t there = sequence.prompt + sequence.emitted + done;  // behind the first step
    for (std::int64_t i = (block - there % block) % block; i < steps.steps; i += block)
      full_.emplace_back(i, row);
  }
  std::ranges::sort(full_);
  for (const auto& [step, row] : full_) {
    const Slot slot = plan.decode[row];
    const Sequence& sequence = state_.at(slot);
    state_.store(slot, (sequence.prompt + sequence.emitted + done + step) / block,
                 steps.start + series(steps.first, steps.slope, step + 1));
  }
}

void Replica::leap_in_turn(Ticks limit) {
  Step& step = planned(0);
  const StepRun& run = step.run;
  Ticks start = step.end - run.first;
  std::int64_t left = alike_steps(start);
  std::int64_t done = 0;
  while (left > 0) {
    const std::int64_t most = std::min(left, run.steps);
    const std::int64_t steps = terms_below(run.first, run.slope, limit - start, most);
    if (steps == 0) break;
    run_alike(start, steps, done);
    start += series(run.first, run.slope, steps);
    step.ready = start;
    enter(step);
    done += steps;
    left -= steps;
    if (steps < most) break;
  }
  if (done > 0) ran_alike(start, done);
}

void Replica::run_alike(Ticks start, std::int64_t steps, std::int64_t done) {
  Step& step = planned(0);
  const std::int64_t rows = step.plan.rows();
  StepRecord record = record_of(step.plan);
  record.start = start;
  record.first = step.run.first;
  record.slope = step.run.slope;
  record.steps = steps;
  record.waited = series(step.wait.first, step.wait.slope, steps);
  record.group_tokens = step.group_tokens;
  record.group_most = step.group_most;
  if (state_.host()) store_answers(step.plan, done, record);
  count_host_blocks(record);
  observe(record, step);
  if (rows > 0) observer_.gaps_seen({step.run.first, step.run.slope, steps, rows, start});
  last_end_ = start + record.duration();
  step.plan.kv_tokens += rows * steps;
}

void Replica::ran_alike(Ticks end, std::int64_t steps) {
  for (std::size_t i = 1; i < count_; ++i)
    planned(i).plan.kv_tokens += planned(i).plan.rows() * steps;
  state_.decode_all(steps);
  policy_->repeated(steps);
  for (const Slot slot : state_.running()) {
    Sequence& sequence = state_.at(slot);
    sequence.emitted += steps;
    sequence.last_token = end;
  }
}

/// How many further rounds the policy would plan like those that are planned: in each, every
/// batch's sequences get one token when its step before has ended.
std::int64_t Replica::alike_rounds() const {
  if (state_.next_may_run() || admits_expected()) return 0;
  std::size_t rows = 0;
  std::int64_t rounds = state_.at(state_.running().front()).output;
  for (std::size_t i = 0; i < count_; ++i) {
    const Step& step = planned(i);
    if (!step.plan.only_decodes() || step.plan.idle > 0) return 0;
    rows += step.plan.decode.size();
    for (const Slot slot : step.plan.decode) {
      const Sequence& sequence = state_.at(slot);
      if (!sequence.running || sequence.last_token != step.ready) return 0;
      rounds = std::min(rounds, sequence.output - sequence.scheduled_output);
    }
  }
  if (rows != state_.running().size()) return 0;
  if (rounds > 0) rounds = policy_->repeats(state_, rounds);
  if (rounds <= 0) return 0;
  return state_.steps_that_fit(rounds, policy_->free_to_decode());
}

/// Where the steps on their way and those behind them are in a steady state. All have entered.
std::optional<SteadyRounds> Replica::rounds_ahead(std::int64_t most) {
  ends_.clear();
  costs_.clear();
  for (std::size_t i = 0; i < count_; ++i) {
    const Step& step = planned(i);
    ends_.push_back(step.end);
    for (const StepRun& run : step.runs) {
      if (run.steps < 2) return std::nullopt;
      costs_.push_back({run.first + run.slope, run.slope, run.steps - 1});
    }
  }
  return steady_rounds(stations_, ends_, free_, costs_, most);
}

void Replica::leap_in_rounds(Ticks limit) {
  const std::int64_t alike = alike_rounds();
  if (alike <= 0) return;
  for (std::size_t i = 1; i < count_; ++i) {
    if (!planned(i).entered) enter(planned(i));
  }
  if (planned(count_ - 1).end >= limit) return;
  const std::optional<SteadyRounds> rounds = rounds_ahead(alike);
  if (!rounds) return;
  std::int64_t count = 1;  // the last step that ends in it does so before the limit
  for (std::int64_t high = rounds->rounds; count < high;) {
    const std::int64_t middle = count + (high - count + 1) / 2;
    if (rounds->ends.back().in(middle - 1) < limit) {
      count = middle;
    } else {
      high = middle - 1;
    }
  }
  observe_rounds(*rounds, count);
  advance_rounds(*rounds, count);
}

/// `count` steps of each batch; from the second on each takes, and is the gap behind a token, what
/// the batch's ends are apart. A step is alone from the end of the one in front.
void Replica::observe_rounds(const SteadyRounds& rounds, std::int64_t count) {
  const auto& last = rounds.ends.back();
  for (std::size_t b = 0; b < count_; ++b) {
    const Step& step = planned(b);
    const Recurring& end = rounds.ends[b];
    StepRecord record = record_of(step.plan);
    record.start = step.ready;
    record.first = step.end - step.ready;
    record.alone = step.end - (b == 0 ? last_end_ : planned(b - 1).end);
    observe(record, step);
    observer_.gaps_seen({record.first, 0, 1, record.decodes, record.start});
    if (count == 1) continue;
    const Ticks before =
        b == 0 ? sum(last, count - 1) : sum(rounds.ends[b - 1], count) - rounds.ends[b - 1].at;
    record.start = step.end;
    record.first = end.step;
    record.slope = end.growth;
    record.steps = count - 1;
    record.kv_tokens += record.decodes;
    record.alone = sum(end, count) - end.at - before;
    observe(record, step, 1);
    observer_.gaps_seen({record.first, record.slope, record.steps, record.decodes, record.start});
  }
}

/// Every batch is `count` steps further; the last one of each is on its way.
void Replica::advance_rounds(const SteadyRounds& rounds, std::int64_t count) {
  state_.decode_all(count);
  policy_->repeated(count);
  for (std::size_t b = 0; b < count_; ++b) {
    Step& step = planned(b);
    step.plan.kv_tokens += step.plan.rows() * count;
    step.ready = rounds.ends[b].in(count - 1);
    step.begin = step.ready;  // or later, but before the step in front of it ends
    step.end = rounds.ends[b].in(count);
    for (StepRun& run : step.runs)
      run = {run.first + run.slope * count, run.slope, run.steps - count};
    for (const Slot slot : step.plan.decode) {
      state_.at(slot).emitted += count;
      state_.at(slot).last_token = step.ready;
    }
  }
  for (std::size_t s = 0; s < free_.size(); ++s) free_[s] = rounds.free[s].in(count);
  last_end_ = planned(count_ - 1).ready;
}

}  // namespace rigsim::workloads
