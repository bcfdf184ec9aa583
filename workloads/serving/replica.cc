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
                 std::span<const Station> stations, std::int32_t in_flight,
                 std::vector<RequestRecord>& records, ServingObserver& observer, StepMode mode,
                 Ticks first_step, ReplicaRole role)
    : id_(id),
      role_(role),
      in_flight_(static_cast<std::size_t>(in_flight)),
      state_(limits),
      policy_(make_batch_policy(batching)),
      stations_(stations),
      records_(records),
      observer_(observer),
      mode_(observer.wants_tokens() ? StepMode::kExact : mode),
      tokens_wanted_(observer.wants_tokens()),
      steps_(std::max<std::size_t>(in_flight_, limits.async_scheduling ? 2 : 1)),
      free_(stations.size(), 0),
      first_step_(first_step) {
  policy_->pipelined(in_flight_);
  if (limits.host_blocks == 0) return;
  const auto stage = std::ranges::find(stations_, StationKind::kStage, &Station::kind);
  state_.add_host_tier(stage == stations_.end() ? BlockCopyCost{} : stage->copies);
}

bool Replica::can_run(const TrafficRequest& request) const {
  Sequence sequence = sequence_of(0, request);
  if (role_ == ReplicaRole::kPrefill) sequence.output = 1;
  return policy_->can_run(state_, sequence);
}

std::int64_t Replica::outstanding() const {
  return static_cast<std::int64_t>(state_.running().size() + expected_.size() +
                                   on_their_way_.size() + fetched_.size()) +
         state_.not_running();
}

std::int64_t Replica::cached_tokens(const TrafficRequest& what, Prefix prefix) const {
  return state_.cached(sequence_of(0, what), prefix).blocks * state_.limits().kv_block_tokens;
}

void Replica::arrive(std::uint32_t request, const TrafficRequest& what, Prefix prefix) {
  Sequence sequence = sequence_of(request, what);
  sequence.token_by_token = token_by_token();
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

bool Replica::admits_expected() const { return can_fetch() || (!fetched_.empty() && has_place()); }

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
  if (count_ == 0) fill(now);
}

std::optional<Ticks> Replica::next_end() const {
  if (count_ > 0) return planned(0).end;
  return state_.host() ? state_.host()->next_load() : std::nullopt;
}

/// Schedules as many steps as may be on their way; the first of them starts where none is.
void Replica::fill(Ticks now) {
  state_.settle(now);
  while (count_ < steps_.size()) {
    Step& step = planned(count_);
    step.plan.clear();
    admit_expected(now);
    policy_->plan(state_, step.plan);
    if (step.plan.empty()) return;
    step.ready = now;
    step.entered = false;
    if (count_++ == 0) enter(step);
  }
}

/// Tokens before the chunk that the last step computed, where it did nothing else.
std::int64_t Replica::unanswered_before(const ScheduledChunk& chunk) const {
  return !chunk.first && unanswered_ && unanswered_->slot == chunk.slot ? unanswered_->tokens : 0;
}

/// What the step takes at each station and at all of them.
void Replica::price(Step& step) {
  const StepPlan& plan = step.plan;
  const DecodeLoad load{plan.rows(), plan.kv_tokens, plan.draft_tokens};
  chunks_.clear();
  for (const ScheduledChunk& each : plan.chunks)
    chunks_.push_back({each.tokens, each.cached, unanswered_before(each)});
  const auto of = [&](StepCost& cost) -> StepRun {
    if (!plan.computes()) return {0, 0, 1};
    if (chunks_.empty()) return cost.decode(load);
    return {cost.mixed(load, chunks_), 0, 1};
  };
  step.copying = 0;
  const auto at = [&](const Station& station) {
    const Ticks copying = station.copies.of(plan.copies);
    step.copying = std::max(step.copying, copying);
    StepRun run = of(*station.cost);
    run.first += copying;
    return run;
  };
  step.run = at(stations_.front());
  if (!chunks_.empty()) step.run.first += std::exchange(first_step_, 0);
  if (const auto stages = stations_.front().stages; !stages.empty()) {
    step.runs.clear();
    for (StepCost* const stage : stages) {
      step.runs.push_back(of(*stage));
      step.run.steps = std::min(step.run.steps, step.runs.back().steps);
    }
  }
  if (stations_.size() == 1 && in_flight_ == 1) return;
  step.runs.assign(1, step.run);
  for (const Station& station : stations_.subspan(1)) {
    const StepRun run = at(station);
    step.runs.push_back(run);
    step.run = {step.run.first + run.first, step.run.slope + run.slope,
                std::min(step.run.steps, run.steps)};
  }
}

/// When a step that reaches the first station at `at` has passed them all, behind those that
/// entered before it.
Ticks Replica::pass(const Step& step, Ticks at) {
  if (stations_.size() == 1) return free_.front() = at + step.run.first;
  for (std::size_t s = 0; s < stations_.size(); ++s) {
    at = std::max(at, free_[s]) + step.runs[s].first;
    if (stations_[s].kind != StationKind::kDelay) free_[s] = at;
  }
  return at;
}

/// Sends the step through the stations.
void Replica::enter(Step& step) {
  price(step);
  step.begin = std::max(step.ready, free_.front());
  if (state_.limits().async_scheduling) step.begin = std::max(step.begin, tokens_out_);
  step.end = pass(step, step.begin);
  step.entered = true;
  if (step.plan.answers()) tokens_out_ = step.end;
  const bool silent = !step.plan.answers() && step.plan.chunks.size() == 1;
  unanswered_ = silent ? std::optional(step.plan.chunks.front()) : std::nullopt;
  note_begin(step);
}

/// Tokens of the sequence are out.
void Replica::emit(Slot slot, Ticks now, std::int64_t tokens) {
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
  const bool first = sequence.emitted == 0;
  sequence.emitted += tokens;
  if (first) {
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

/// The drafts of the step are accepted or rejected (vLLM 0.19's scheduler.py, update_from_output;
/// what is accepted beyond the end of an answer is cut off).
void Replica::verify(const StepPlan& plan, Ticks now, StepRecord& record) {
  for (std::size_t i = 0; i < plan.decode.size(); ++i) {
    const Slot slot = plan.decode[i];
    const Sequence& sequence = state_.at(slot);
    const std::int64_t drafts = plan.drafts[i];
    const std::int64_t accepted =
        state_.limits().speculation.accepted(sequence.request, sequence.emitted, drafts);
    state_.take_drafts(slot, drafts, accepted);
    const std::int64_t tokens = std::min(1 + accepted, sequence.output - sequence.emitted);
    record.drafts += drafts;
    record.drafted += drafts > 0 ? 1 : 0;
    record.accepted += accepted;
    record.more_tokens += tokens - 1;
    emit(slot, now, tokens);
  }
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

/// Ends the first of the steps on their way; returns when that was.
Ticks Replica::end_step() {
  const Step& step = planned(0);
  const Ticks now = step.end;
  state_.set_clock(now);
  StepRecord record = record_of(step.plan);
  record.start = token_by_token() ? step.ready : step.begin;
  record.first = now - record.start;
  record.alone = now - std::max(step.begin, last_end_);
  record.waited = step.wait.first;
  record.group_tokens = step.group_tokens;
  record.group_most = step.group_most;
  record.copying = step.copying;
  record.preemptions =
      state_.preemptions() - std::exchange(preemptions_seen_, state_.preemptions());
  last_end_ = now;
  gaps_ = {0, 0, 1, 0, record.start};
  const bool speculates = state_.limits().speculation.on();
  if (speculates) {
    verify(step.plan, now, record);
  } else {
    for (const Slot slot : step.plan.decode) {
      store_answer(slot, now);
      emit(slot, now);
    }
  }
  for (const ScheduledChunk& each : step.plan.chunks) {
    store_chunk(each, now);
    if (each.emits) emit(each.slot, now);
  }
  flush_gaps();
  count_host_blocks(record);
  observe(record, step);
  for (std::size_t i = 1; speculates && i < count_; ++i) state_.recount(planned(i).plan);
  if (!finished_.empty()) state_.sweep();
  if (role_ != ReplicaRole::kPrefill) {
    for (const std::uint32_t request : finished_)
      observer_.request_ended(request, records_[request]);
  }
  policy_->step_ended();
  front_ = place(1);
  --count_;
  return now;
}

const std::vector<std::uint32_t>& Replica::advance(Ticks limit) {
  finished_.clear();
  if (count_ == 0) {  // blocks from the host are there
    fill(*state_.host()->next_load());
    return finished_;
  }
  const Ticks now = end_step();
  if (count_ > 0 && !planned(0).entered) enter(planned(0));
  fill(now);
  // A KV cache that is asked for now may be here before `limit`, which does not know of it.
  if (mode_ == StepMode::kLeap && finished_.empty() && fetches_.empty()) leap(limit);
  return finished_;
}

}  // namespace rigsim::workloads
