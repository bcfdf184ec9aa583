#include "workloads/serving/replica.h"

#include <algorithm>
#include <utility>

namespace rigsim::workloads {
namespace {

Sequence sequence_of(std::uint32_t request, const TrafficRequest& what) {
  Sequence sequence;
  sequence.request = request;
  sequence.priority = what.priority;
  sequence.prompt = what.prompt_tokens;
  sequence.output = what.output_tokens;
  sequence.target = what.prompt_tokens;
  return sequence;
}

}  // namespace

Replica::Replica(std::uint32_t id, const BatchLimits& limits, const Batching& batching,
                 StepCost& cost, std::vector<RequestRecord>& records, ServingObserver& observer,
                 StepMode mode, Ticks first_step, ReplicaRole role)
    : id_(id),
      role_(role),
      state_(limits),
      policy_(make_batch_policy(batching)),
      cost_(cost),
      records_(records),
      observer_(observer),
      mode_(observer.wants_tokens() ? StepMode::kExact : mode),
      tokens_wanted_(observer.wants_tokens()),
      first_step_(first_step) {}

bool Replica::can_run(const TrafficRequest& request) const {
  Sequence sequence = sequence_of(0, request);
  if (role_ == ReplicaRole::kPrefill) sequence.output = 1;
  return policy_->can_run(state_, sequence);
}

std::int64_t Replica::outstanding() const {
  return static_cast<std::int64_t>(state_.running().size() + state_.waiting().size() +
                                   expected_.size() + on_their_way_.size() + fetched_.size());
}

std::int64_t Replica::cached_tokens(const TrafficRequest& what, Prefix prefix) const {
  return state_.cached(sequence_of(0, what), prefix).blocks * state_.limits().kv_block_tokens;
}

void Replica::arrive(std::uint32_t request, const TrafficRequest& what, Prefix prefix) {
  Sequence sequence = sequence_of(request, what);
  if (role_ == ReplicaRole::kPrefill) sequence.output = 1;
  state_.arrive(sequence, prefix, policy_->by_priority());
  records_[request].replica = static_cast<std::uint16_t>(id_);
}

void Replica::expect(std::uint32_t request, const TrafficRequest& what) {
  expected_.push_back(state_.expect(sequence_of(request, what)));
  records_[request].replica = static_cast<std::uint16_t>(id_);
}

/// As vLLM's scheduler treats requests that wait for KV caches from elsewhere: blocks for the whole
/// prompt first, then the transfer, then a place among those that run; the last token of the prompt
/// is computed here, as a decode step (v1/core/sched/scheduler.py, WAITING_FOR_REMOTE_KVS and
/// _update_waiting_for_remote_kv).
void Replica::admit_expected(Ticks now) {
  for (; !fetched_.empty() && has_place(); fetched_.pop_front())
    state_.run_expected(fetched_.front());
  for (; can_fetch(); expected_.pop_front()) {
    const Slot slot = expected_.front();
    const Sequence& sequence = state_.at(slot);
    state_.grow(slot, sequence.prompt);
    on_their_way_.emplace(sequence.request, slot);
    records_[sequence.request].kv_sent = to_time(now);
    fetches_.push_back(sequence.request);
  }
}

bool Replica::has_place() const {
  return static_cast<std::int64_t>(state_.running().size()) < state_.limits().max_sequences;
}

bool Replica::can_fetch() const {
  return !expected_.empty() && has_place() &&
         state_.blocks_of(state_.at(expected_.front()).prompt) <= state_.pool().free();
}

void Replica::fetched(std::uint32_t request) {
  const auto found = on_their_way_.find(request);
  fetched_.push_back(found->second);
  on_their_way_.erase(found);
}

void Replica::let_go(std::uint32_t request) {
  const auto found = on_their_way_.find(request);
  state_.let_go(found->second);
  on_their_way_.erase(found);
}

void Replica::wake(Ticks now) {
  if (planned_.empty()) fill(now);
}

std::optional<Ticks> Replica::next_end() const {
  if (planned_.empty()) return std::nullopt;
  return start_ + run_.first;
}

/// Schedules as many steps as may wait for the device; the first of them starts where none runs.
void Replica::fill(Ticks now) {
  while (planned_.size() < depth()) {
    StepPlan plan;
    if (!spare_plans_.empty()) {
      plan = std::move(spare_plans_.back());
      spare_plans_.pop_back();
      plan.clear();
    }
    admit_expected(now);
    policy_->plan(state_, plan);
    if (plan.empty()) {
      spare_plans_.push_back(std::move(plan));
      return;
    }
    planned_.push_back(std::move(plan));
    if (planned_.size() == 1) begin_step(now);
  }
}

void Replica::begin_step(Ticks now) {
  const StepPlan& plan = planned_.front();
  start_ = now;
  const DecodeLoad load{plan.rows(), plan.kv_tokens};
  for (const ScheduledChunk& each : plan.chunks) {
    const Sequence& sequence = state_.at(each.slot);
    if (!each.first) continue;
    records_[sequence.request].scheduled = to_time(now);
    records_[sequence.request].cached_tokens = each.cached;
  }
  if (plan.only_decodes()) {
    run_ = cost_.decode(load);
    return;
  }
  chunks_.clear();
  for (const ScheduledChunk& each : plan.chunks) chunks_.push_back({each.tokens, each.cached});
  run_ = {cost_.mixed(load, chunks_) + std::exchange(first_step_, 0), 0, 1};
}

StepRecord Replica::record_of(const StepPlan& plan) const {
  StepRecord record{.replica = id_, .start = start_, .first = run_.first};
  record.decodes = plan.rows();
  record.kv_tokens = plan.kv_tokens;
  record.chunks = static_cast<std::int64_t>(plan.chunks.size());
  for (const ScheduledChunk& each : plan.chunks) {
    record.prompt_tokens += each.tokens;
    record.prompt_kv_tokens += each.cached + each.tokens;
    record.prompt_pairs += each.tokens * each.cached + each.tokens * (each.tokens + 1) / 2;
  }
  record.running = static_cast<std::int64_t>(state_.running().size());
  record.waiting = static_cast<std::int64_t>(state_.waiting().size());
  record.kv_blocks_held = state_.pool().held();
  return record;
}

void Replica::flush_gaps() {
  if (gaps_.sequences > 0) observer_.gaps_seen(gaps_);
  gaps_.sequences = 0;
}

/// A token of the sequence is out.
void Replica::emit(Slot slot, Ticks now) {
  Sequence& sequence = state_.at(slot);
  if (sequence.discarded > 0) {
    --sequence.discarded;
    return;
  }
  if (role_ == ReplicaRole::kPrefill) {
    hand_over(slot, now);
    return;
  }
  RequestRecord& record = records_[sequence.request];
  if (++sequence.emitted == 1) {
    record.first_token = to_time(now);
    observer_.token_out(sequence.request, now, true);
  } else {
    if (tokens_wanted_) observer_.token_out(sequence.request, now, false);
    const Ticks gap = now - sequence.last_token;
    if (gap != gaps_.first) {
      flush_gaps();
      gaps_.first = gap;
    }
    ++gaps_.sequences;
  }
  sequence.last_token = now;
  if (sequence.emitted == sequence.output) finish(slot, now);
}

/// The token is not passed on: the decoding replica computes it again.
void Replica::hand_over(Slot slot, Ticks now) {
  Sequence& sequence = state_.at(slot);
  if (!sequence.running) {  // preempted meanwhile: its KV cache is gone
    sequence.scheduled_output = 0;
    sequence.target = sequence.prompt;
    return;
  }
  sequence.emitted = 1;
  records_[sequence.request].prefilled = to_time(now);
  records_[sequence.request].preemptions = sequence.preemptions;
  sequence.handed_over = true;
  finished_.push_back(sequence.request);
  on_their_way_.emplace(sequence.request, slot);
  state_.finish(slot);
}

void Replica::finish(Slot slot, Ticks now) {
  const Sequence& sequence = state_.at(slot);
  RequestRecord& record = records_[sequence.request];
  record.finished = to_time(now);
  record.outcome = RequestOutcome::kFinished;
  record.preemptions += sequence.preemptions;
  finished_.push_back(sequence.request);
  state_.finish(slot);
}

void Replica::end_step() {
  const Ticks now = start_ + run_.first;
  StepPlan plan = std::move(planned_.front());
  planned_.pop_front();
  StepRecord record = record_of(plan);
  record.preemptions =
      state_.preemptions() - std::exchange(preemptions_seen_, state_.preemptions());
  gaps_ = {0, 0, 1, 0, start_};
  for (const Slot slot : plan.decode) emit(slot, now);
  for (const ScheduledChunk& each : plan.chunks) {
    if (each.emits) emit(each.slot, now);
  }
  flush_gaps();
  observer_.steps_executed(record);
  if (!finished_.empty()) state_.sweep();
  if (role_ != ReplicaRole::kPrefill) {
    for (const std::uint32_t request : finished_)
      observer_.request_ended(request, records_[request]);
  }
  spare_plans_.push_back(std::move(plan));
  if (!planned_.empty()) begin_step(now);
  fill(now);
}

const std::vector<std::uint32_t>& Replica::advance(Ticks limit) {
  finished_.clear();
  end_step();
  if (mode_ == StepMode::kLeap && finished_.empty()) leap(limit);
  return finished_;
}

/// How many further steps the policy would plan like those that are planned: each running sequence
/// gets one token in each.
std::int64_t Replica::alike_steps() const {
  if (planned_.size() < depth() || can_fetch() || (!fetched_.empty() && has_place())) return 0;
  for (const StepPlan& plan : planned_) {
    if (!plan.only_decodes() || plan.idle > 0 || plan.decode.size() != state_.running().size())
      return 0;
  }
  std::int64_t steps = state_.at(state_.running().front()).output;
  for (const Slot slot : state_.running()) {
    const Sequence& sequence = state_.at(slot);
    if (sequence.last_token != start_) return 0;  // its next gap is not the step's duration
    steps = std::min(steps, sequence.output - sequence.scheduled_output);
  }
  if (steps > 0) steps = policy_->repeats(state_, steps);
  if (steps <= 0) return 0;
  return state_.steps_that_fit(steps, policy_->free_to_decode());
}

void Replica::leap(Ticks limit) {
  std::int64_t left = alike_steps();
  if (left <= 0 || next_end().value_or(limit) >= limit) return;
  StepPlan& running = planned_.front();
  const std::int64_t rows = running.rows();
  std::int64_t done = 0;
  while (left > 0) {
    const std::int64_t most = std::min(left, run_.steps);
    const std::int64_t steps = terms_below(run_.first, run_.slope, limit - start_, most);
    if (steps == 0) break;
    StepRecord record = record_of(running);
    record.slope = run_.slope;
    record.steps = steps;
    observer_.steps_executed(record);
    observer_.gaps_seen({run_.first, run_.slope, steps, rows, start_});
    start_ += record.duration();
    running.kv_tokens += rows * steps;
    done += steps;
    left -= steps;
    run_ = cost_.decode({rows, running.kv_tokens});
    if (steps < most) break;
  }
  for (std::size_t i = 1; i < planned_.size(); ++i) planned_[i].kv_tokens += rows * done;
  state_.decode_all(done);
  policy_->repeated(done);
  for (const Slot slot : state_.running()) {
    Sequence& sequence = state_.at(slot);
    sequence.emitted += done;
    sequence.last_token = start_;
  }
}

}  // namespace rigsim::workloads
