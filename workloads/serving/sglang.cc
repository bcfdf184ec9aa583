#include "workloads/serving/sglang.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "workloads/serving/prefill_adder.h"

namespace rigsim::workloads {
namespace {

// environ.py: SGLANG_INIT_NEW_TOKEN_RATIO, _MIN_NEW_TOKEN_RATIO_FACTOR,
// _NEW_TOKEN_RATIO_DECAY_STEPS, _RETRACT_DECODE_STEPS.
constexpr double kFirstRatio = 0.7;
constexpr double kLeastShare = 0.14;
constexpr double kDecaySteps = 600;
constexpr std::int64_t kRetractSteps = 20;

constexpr std::size_t kLongQueue = 128;    // beyond it nobody looks for prefixes
constexpr std::int64_t kShortPrefix = 32;  // IN_BATCH_PREFIX_CACHING_..._THRESHOLD, both

/// Blocks that one more token for each takes (new_tokens_required_next_decode).
std::int64_t blocks_to_decode(const BatchState& state, const std::vector<Slot>& batch) {
  return std::ranges::count_if(batch, [&](Slot slot) {
    return state.at(slot).computed % state.limits().kv_block_tokens == 0;
  });
}

}  // namespace

SglangPolicy::SglangPolicy(const SglangBatching& batching)
    : batching_(batching),
      first_ratio_(std::min(kFirstRatio * batching.conservativeness, 1.0)),
      least_ratio_(first_ratio_ * kLeastShare),
      ratio_(first_ratio_) {}

void SglangPolicy::decay() {
  ratio_ = std::max(ratio_ - (first_ratio_ - least_ratio_) / kDecaySteps, least_ratio_);
}

void SglangPolicy::pipelined(std::size_t batches) { batches_.resize(batches); }

void SglangPolicy::step_ended() {
  if (!on_their_way_.empty()) on_their_way_.pop_front();
}

/// running_batch without those that have ended, in the order in which they joined it.
std::vector<Slot> SglangPolicy::batch_of(const BatchState& state) const {
  std::vector<Slot> batch;
  for (const Slot slot : state.running()) {
    if (slot != chunked_ && is_here(slot)) batch.push_back(slot);
  }
  return batch;
}

/// get_num_allocatable_reqs; of a pipeline each micro-batch has its share
/// (pp_max_micro_batch_size).
std::int64_t SglangPolicy::places(const BatchState& state) const {
  const std::int64_t most = state.limits().max_sequences;
  const std::int64_t share = std::max<std::int64_t>(most / std::ssize(batches_), 1);
  const std::int64_t here = share - batches_[turn_].size;
  if (batches_.size() == 1) return here;
  const std::int64_t taken = std::ssize(state.running()) - (chunked_ ? 1 : 0);
  return std::min(here, most - taken);  // req_to_token_pool
}

/// Each micro-batch that is on its way decayed it once a round.
void SglangPolicy::repeated(std::int64_t steps) {
  steps *= std::max<std::int64_t>(std::ssize(on_their_way_), 1);
  for (; steps > 0 && ratio_ != least_ratio_; --steps) decay();
}

/// Those of the last step of prompts that will decode join the running batch; an empty one is
/// replaced by theirs, which is not full (get_next_batch_to_run).
void SglangPolicy::merge_prompts(const BatchState& state) {
  MicroBatchState& batch = here();
  if (batch.last_prompts.empty()) return;
  const auto joined = std::ranges::count_if(batch.last_prompts, [&](const Member& each) {
    return state.runs(each.slot, each.request) && each.slot != chunked_ && is_here(each.slot);
  });
  if (joined < std::ssize(batch.last_prompts) || (joined > 0 && batch.size == 0))
    batch.full = false;
  batch.size += joined;
  batch.last_prompts.clear();
}

/// The most cached first; of those with little, one of a prefix that several share (calc_priority).
void SglangPolicy::order_waiting(BatchState& state) const {
  auto& waiting = state.waiting_order();
  if (!batching_.longest_prefix_first || !state.limits().prefix_caching ||
      waiting.size() > kLongQueue)
    return;
  std::unordered_set<std::uint64_t> seen;
  std::vector<std::pair<std::int64_t, std::size_t>> order;  // equal ones stay as they stand
  for (const Slot slot : waiting) {
    const std::int64_t cached = state.cached(slot).blocks * state.limits().kv_block_tokens;
    const Prefix& prefix = state.prefix(slot);
    order.emplace_back(-cached, order.size());
    if (cached > kShortPrefix) continue;
    const auto shared = std::ranges::find_if_not(
        prefix.hashes, [&](std::uint64_t hash) { return seen.contains(hash); });
    if ((shared - prefix.hashes.begin()) * prefix.hash_tokens >= kShortPrefix) {
      order.back().first = 1;  // behind all others
    } else {
      seen.insert(prefix.hashes.begin(), prefix.hashes.end());
    }
  }
  std::ranges::sort(order);
  const std::vector<Slot> before(waiting.begin(), waiting.end());
  std::ranges::transform(order, waiting.begin(),
                         [&](const auto& each) { return before[each.second]; });
}

/// _get_new_batch_prefill_raw; false: there is none.
bool SglangPolicy::plan_prompts(BatchState& state, StepPlan& plan) {
  bool& full = here().full;
  if ((full || state.waiting().empty()) && !chunked_) return false;
  const std::int64_t most = places(state);
  if (most <= 0 && !chunked_) {
    full = true;
    return false;
  }
  order_waiting(state);
  double held_back = 0;
  for (const Slot slot : batch_of(state)) {
    const std::int64_t left = state.at(slot).output - state.at(slot).emitted;
    held_back += static_cast<double>(std::min(left, kClippedAnswer)) * ratio_;
  }
  PrefillAdder adder(state, held_back, batching_.prefill_tokens);
  std::vector<Part> parts;  // blocks are taken and prompts can be found when all are chosen
  const auto add = [&](Slot slot, std::int64_t tokens) {
    parts.push_back({slot, tokens});
    const bool whole = state.at(slot).computed + tokens == state.at(slot).target;
    chunked_ = whole ? std::nullopt : std::optional(slot);
  };
  if (chunked_) {
    const std::int64_t tokens = adder.continue_prompt(state.at(*chunked_));
    if (tokens <= 0) return false;
    add(*chunked_, tokens);
  }
  while (!state.waiting().empty()) {
    full = full || std::ssize(parts) >= most;
    if (full) break;
    const Slot next = state.waiting().front();
    const CachedPrefix cached = state.cached(next);
    auto answer = adder.may_come(state.at(next), cached, parts.empty());
    if (answer == PrefillAdder::Answer::kContinue) {
      state.admit(cached);
      add(next, adder.take(state.at(next)));
      answer = adder.goes_on();
    }
    full = answer == PrefillAdder::Answer::kNoToken;
    if (answer != PrefillAdder::Answer::kContinue) break;
  }
  for (const Part& part : parts) {
    state.grow(part.slot, state.at(part.slot).computed + part.tokens);
    state.schedule_chunk(part.slot, part.tokens, plan);
    here().last_prompts.push_back({part.slot, state.at(part.slot).request});
    if (batch_of_slot_.size() <= part.slot) batch_of_slot_.resize(part.slot + 1);
    batch_of_slot_[part.slot] = turn_;
  }
  return !parts.empty();
}

/// Where blocks are too few for a token each, who has answered least goes, of these the one with
/// the longest prompt, at least one; `batch` keeps the order that this takes (retract_decode).
void SglangPolicy::make_room(BatchState& state, std::vector<Slot>& batch) {
  const auto short_of_blocks = [&] { return blocks_to_decode(state, batch) > state.pool().free(); };
  if (!short_of_blocks()) {
    decay();
    return;
  }
  std::vector<std::tuple<std::int64_t, std::int64_t, std::size_t>> order;
  for (const Slot slot : batch)
    order.emplace_back(-state.at(slot).emitted, state.at(slot).prompt, order.size());
  std::ranges::sort(order);
  const std::vector<Slot> before = batch;
  std::ranges::transform(order, batch.begin(),
                         [&](const auto& each) { return before[std::get<2>(each)]; });
  const auto retract_last = [&] {
    state.retract(batch.back());
    batch.pop_back();
  };
  do {
    if (batch.size() > 1) retract_last();
  } while (batch.size() > 1 && short_of_blocks());
  if (short_of_blocks()) retract_last();
  if (batch.empty()) return;
  std::int64_t emitted = 0;
  std::int64_t output = 0;
  for (const Slot slot : batch) {
    emitted += state.at(slot).emitted;
    output += state.at(slot).output;
  }
  ratio_ = std::min(1.0, static_cast<double>(emitted + kRetractSteps * std::ssize(batch)) /
                             static_cast<double>(output + 1));
  auto& running = state.running_order();
  std::erase_if(running, [&](Slot slot) { return slot == chunked_ || is_here(slot); });
  running.insert(running.end(), batch.begin(), batch.end());
  if (chunked_) running.push_back(*chunked_);
}

/// update_running_batch.
void SglangPolicy::plan_decode(BatchState& state, StepPlan& plan) {
  std::vector<Slot> batch = batch_of(state);
  if (!batch.empty()) make_room(state, batch);
  if (std::ssize(batch) < here().size || batch.empty()) here().full = false;
  here().size = std::ssize(batch);
  for (const Slot slot : batch) {
    state.grow(slot, state.at(slot).computed + 1);
    if (state.at(slot).all_scheduled()) {
      state.schedule_idle(slot, plan);
    } else {
      state.schedule_decode(slot, plan);
    }
  }
}

/// get_next_batch_to_run.
void SglangPolicy::plan_turn(BatchState& state, StepPlan& plan) {
  merge_prompts(state);
  if (!plan_prompts(state, plan)) plan_decode(state, plan);
}

/// One micro-batch after the other, up to the next that is on its way, until one has a step.
void SglangPolicy::plan_round(BatchState& state, StepPlan& plan) {
  for (std::size_t i = 0; i < batches_.size() && plan.empty(); ++i) {
    if (std::ranges::find(on_their_way_, turn_) != on_their_way_.end()) return;
    plan_turn(state, plan);
    if (!plan.empty()) on_their_way_.push_back(turn_);
    turn_ = (turn_ + 1) % batches_.size();
  }
}

void SglangPolicy::plan(BatchState& state, StepPlan& plan) {
  if (batches_.size() > 1) {
    plan_round(state, plan);
    if (!plan.empty() || !on_their_way_.empty()) return;
    ratio_ = first_ratio_;
    plan_round(state, plan);
    return;
  }
  plan_turn(state, plan);
  const bool turned = std::exchange(empty_turn_, plan.empty());
  if (!plan.empty()) return;
  // Under the overlap schedule the step on its way ends first; then the engine idles.
  if (state.limits().async_scheduling && !turned) return;
  ratio_ = first_ratio_;
  plan_prompts(state, plan);
}

std::int64_t SglangPolicy::repeats(const BatchState& state, std::int64_t most) const {
  return state.waiting().empty() || (batches_.size() == 1 && batches_.front().full) ? most : 0;
}

/// max_req_len and max_req_input_len; a chunk is a page at least.
bool SglangPolicy::can_run(const BatchState& state, const Sequence& sequence) const {
  constexpr std::int64_t kInputMargin = 6;
  const std::int64_t tokens = state.limits().kv_blocks * state.limits().kv_block_tokens;
  return state.limits().step_tokens >= state.limits().kv_block_tokens &&
         sequence.prompt + kInputMargin < tokens && sequence.prompt + sequence.output + 2 <= tokens;
}

}  // namespace rigsim::workloads
