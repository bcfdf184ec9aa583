#include "workloads/serving/batch_state.h"

#include <algorithm>
#include <string>
#include <utility>

namespace rigsim::workloads {

BatchState::BatchState(const BatchLimits& limits)
    : limits_(limits), pool_(limits.kv_blocks), cache_(pool_, limits.kv_block_tokens) {
  validate(limits);
}

Slot BatchState::place(const Sequence& sequence, Prefix prefix) {
  Slot slot = 0;
  if (spare_.empty()) {
    slot = static_cast<Slot>(slots_.size());
    slots_.emplace_back();
    prefixes_.emplace_back();
  } else {
    slot = spare_.back();
    spare_.pop_back();
  }
  slots_[slot] = sequence;
  if (!limits_.prefix_caching || prefix.hash_tokens % limits_.kv_block_tokens != 0) prefix = {};
  prefixes_[slot] = prefix;
  return slot;
}

Slot BatchState::arrive(const Sequence& sequence, Prefix prefix, bool by_priority) {
  const Slot slot = place(sequence, prefix);
  if (by_priority) {
    enqueue(slot, true);
  } else {
    waiting_.push_back(slot);
  }
  return slot;
}

Slot BatchState::expect(const Sequence& sequence) {
  const Slot slot = place(sequence, {});
  slots_[slot].target = sequence.prompt - 1;
  return slot;
}

void BatchState::run_expected(Slot slot) {
  Sequence& sequence = slots_[slot];
  sequence.computed = sequence.target;
  sequence.started = true;
  sequence.running = true;
  running_.push_back(slot);
}

/// In front; by priority, behind all that go before it (requests are numbered as they arrive).
void BatchState::enqueue(Slot slot, bool by_priority) {
  if (!by_priority) {
    waiting_.push_front(slot);
    return;
  }
  const auto rank = [&](Slot s) { return std::pair(slots_[s].priority, slots_[s].request); };
  const auto place = std::ranges::upper_bound(waiting_, rank(slot), {}, rank);
  waiting_.insert(place, slot);
}

CachedPrefix BatchState::cached(Slot slot) const {
  if (!limits_.prefix_caching) return {};
  return cache_.find(slots_[slot], prefixes_[slot]);
}

CachedPrefix BatchState::cached(const Sequence& sequence, Prefix prefix) const {
  if (!limits_.prefix_caching || prefix.hash_tokens % limits_.kv_block_tokens != 0) return {};
  return cache_.find(sequence, prefix);
}

Slot BatchState::admit(const CachedPrefix& cached) {
  const Slot slot = waiting_.front();
  waiting_.pop_front();
  Sequence& sequence = slots_[slot];
  sequence.running = true;
  if (limits_.prefix_caching) cache_.hold(sequence, prefixes_[slot], cached);
  sequence.computed = cached.blocks * limits_.kv_block_tokens;
  running_.push_back(slot);
  return slot;
}

bool BatchState::admit_kept(std::int64_t tokens) {
  if (blocks_of(tokens) > pool_.free()) return false;
  const Slot slot = waiting_.front();
  waiting_.pop_front();
  Sequence& sequence = slots_[slot];
  sequence.running = true;
  sequence.computed = tokens;
  running_.push_back(slot);
  return grow(slot, tokens);
}

bool BatchState::grow(Slot slot, std::int64_t tokens) {
  Sequence& sequence = slots_[slot];
  if (tokens <= sequence.blocks * limits_.kv_block_tokens) return true;  // often; spares a division
  const std::int64_t missing = blocks_of(tokens) - sequence.blocks;
  if (missing > pool_.free()) return false;
  pool_.take(missing);
  sequence.blocks += missing;
  return true;
}

void BatchState::release(Slot slot, std::int64_t keep_own) {
  Sequence& sequence = slots_[slot];
  if (limits_.prefix_caching) {
    cache_.release(sequence, keep_own);
    return;
  }
  pool_.give_back(sequence.blocks);
  sequence.blocks = 0;
}

void BatchState::preempt(Slot slot, bool by_priority) {
  Sequence& sequence = slots_[slot];
  release(slot, sequence.computed - sequence.drafts);  // drafts are not cached
  stop(slot);
  enqueue(slot, by_priority);
}

void BatchState::retract(Slot slot) {
  Sequence& sequence = slots_[slot];
  release(slot, sequence.target);
  sequence.discarded += sequence.scheduled_output - sequence.emitted;
  sequence.scheduled_output = sequence.emitted;
  stop(slot);
  waiting_.push_back(slot);
}

void BatchState::add_host_tier(BlockCopyCost copies) {
  host_.emplace(limits_.host_blocks, limits_.kv_block_tokens, copies);
}

void BatchState::load(const CachedPrefix& cached, std::int64_t blocks) {
  const Slot slot = waiting_.front();
  waiting_.pop_front();
  Sequence& sequence = slots_[slot];
  cache_.hold(sequence, prefixes_[slot], cached);
  sequence.computed = cached.blocks * limits_.kv_block_tokens;
  sequence.loaded = blocks * limits_.kv_block_tokens;
  grow(slot, sequence.computed + sequence.loaded);
  host_->load(slot, sequence, prefixes_[slot], cached.blocks, blocks);
  ++loading_;
}

/// At least one token is left to compute (v1/core/sched/scheduler.py,
/// _update_waiting_for_remote_kv).
void BatchState::settle(Ticks now) {
  set_clock(now);
  if (!host_) return;
  host_->settle(now);
  while (const auto slot = host_->take_loaded()) {
    Sequence& sequence = slots_[*slot];
    sequence.computed = std::min(sequence.computed + sequence.loaded, sequence.target - 1);
    if (!sequence.runs.empty()) cache_.publish(sequence);
    loaded_.push_back(*slot);
    --loading_;
  }
}

Slot BatchState::admit_loaded() {
  const Slot slot = loaded_.front();
  loaded_.pop_front();
  slots_[slot].running = true;
  running_.push_back(slot);
  return slot;
}

void BatchState::unload() {
  const Slot slot = loaded_.back();
  loaded_.pop_back();
  release(slot);
  slots_[slot].computed = 0;
  slots_[slot].loaded = 0;
  waiting_.push_front(slot);
}

void BatchState::leave(Slot slot) {
  Sequence& sequence = slots_[slot];
  if (host_) host_->let_go(slot, now_);
  sequence.loaded = 0;
  ++sequence.preemptions;
  ++preemptions_;
  sequence.running = false;
  running_.erase(std::ranges::find(running_, slot));
}

/// A preempted sequence starts anew.
void BatchState::stop(Slot slot) {
  Sequence& sequence = slots_[slot];
  sequence.computed = 0;
  sequence.target = sequence.prompt + sequence.scheduled_output;
  leave(slot);
}

/// Like can_swap_out (block_manager.py, _can_swap) this counts a block for the next token, which is
/// not copied.
void BatchState::swap_out(Slot slot, StepPlan& plan) {
  Sequence& sequence = slots_[slot];
  if (swap_held_ + blocks_to_go_on(sequence) > limits_.swap_blocks) {
    throw SwapSpaceFull("the " + std::to_string(limits_.swap_blocks) +
                        " KV blocks of a replica's swap space hold " +
                        std::to_string(swapped_.size()) + " sequences, and not one more of " +
                        std::to_string(sequence.computed) + " tokens");
  }
  release(slot);
  sequence.host_blocks = blocks_of(sequence.computed);
  swap_held_ += sequence.host_blocks;
  plan.copies.out += sequence.host_blocks;
  leave(slot);
  swapped_.push_back(slot);
}

Slot BatchState::swap_in(StepPlan& plan) {
  const Slot slot = swapped_.front();
  swapped_.pop_front();
  Sequence& sequence = slots_[slot];
  pool_.take(sequence.host_blocks);
  swap_held_ -= sequence.host_blocks;
  plan.copies.in += sequence.host_blocks;
  sequence.blocks = std::exchange(sequence.host_blocks, 0);
  sequence.running = true;
  running_.push_back(slot);
  return slot;
}

namespace {

/// `drafts` tokens in front of the last of `computed` attend to computed - 1, computed - 2, ...
std::int64_t draft_pairs(std::int64_t computed, std::int64_t drafts) {
  return drafts * computed - drafts * (drafts + 1) / 2;
}

}  // namespace

void BatchState::schedule_decode(Slot slot, StepPlan& plan, std::int64_t drafts) {
  Sequence& sequence = slots_[slot];
  sequence.computed += 1 + drafts;
  ++sequence.scheduled_output;
  plan.decode.push_back(slot);
  plan.kv_tokens += sequence.computed;
  if (!limits_.speculation.on()) return;
  sequence.drafts += drafts;
  plan.drafts.push_back(drafts);
  plan.draft_tokens += drafts;
  plan.draft_pairs += draft_pairs(sequence.computed, drafts);
}

void BatchState::take_drafts(Slot slot, std::int64_t drafts, std::int64_t accepted) {
  Sequence& sequence = slots_[slot];
  sequence.drafts -= drafts;
  sequence.scheduled_output += accepted;
  if (sequence.running) {
    sequence.computed -= drafts - accepted;
  } else {  // preempted meanwhile
    sequence.target += accepted;
  }
}

void BatchState::recount(StepPlan& plan) const {
  plan.kv_tokens = 0;
  plan.draft_pairs = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < plan.decode.size(); ++i) {
    const Sequence& sequence = slots_[plan.decode[i]];
    plan.kv_tokens += sequence.computed;
    plan.draft_pairs += draft_pairs(sequence.computed, plan.drafts[i]);
    if (sequence.finished) {
      ++plan.idle;
      continue;
    }
    plan.decode[kept] = plan.decode[i];
    plan.drafts[kept++] = plan.drafts[i];
  }
  plan.decode.resize(kept);
  plan.drafts.resize(kept);
}

void BatchState::schedule_chunk(Slot slot, std::int64_t tokens, StepPlan& plan) {
  Sequence& sequence = slots_[slot];
  const std::int64_t before = sequence.computed;
  sequence.computed += tokens;
  const bool emits = sequence.decoding();
  if (emits) ++sequence.scheduled_output;
  plan.chunks.push_back({slot, tokens, before, emits, !sequence.started});
  sequence.started = true;
  if (!sequence.runs.empty()) cache_.publish(sequence);
}

void BatchState::schedule_idle(Slot slot, StepPlan& plan) {
  ++plan.idle;
  plan.kv_tokens += ++slots_[slot].computed;
}

void BatchState::unschedule(Slot slot, StepPlan& plan) {
  Sequence& sequence = slots_[slot];
  if (const auto at = std::ranges::find(plan.decode, slot); at != plan.decode.end()) {
    plan.kv_tokens -= sequence.computed;
    --sequence.computed;
    --sequence.scheduled_output;
    if (!plan.drafts.empty()) unschedule_drafts(at - plan.decode.begin(), plan);
    plan.decode.erase(at);
    return;
  }
  const auto at = std::ranges::find(plan.chunks, slot, &ScheduledChunk::slot);
  if (at == plan.chunks.end()) return;
  sequence.computed -= at->tokens;
  if (at->emits) --sequence.scheduled_output;
  if (at->first) sequence.started = false;
  plan.chunks.erase(at);
}

void BatchState::unschedule_drafts(std::ptrdiff_t row, StepPlan& plan) {
  Sequence& sequence = slots_[plan.decode[static_cast<std::size_t>(row)]];
  const std::int64_t drafts = plan.drafts[static_cast<std::size_t>(row)];
  plan.draft_tokens -= drafts;
  plan.draft_pairs -= draft_pairs(sequence.computed + 1, drafts);
  sequence.computed -= drafts;
  sequence.drafts -= drafts;
  plan.drafts.erase(plan.drafts.begin() + row);
}

void BatchState::finish(Slot slot) {
  Sequence& sequence = slots_[slot];
  sequence.finished = true;
  if (sequence.running) {
    if (host_) host_->let_go(slot, now_);
    if (!sequence.handed_over) release(slot);
    return;
  }
  // Its last token came after its preemption.
  std::deque<Slot>& queue = sequence.host_blocks > 0 ? swapped_ : waiting_;
  queue.erase(std::ranges::find(queue, slot));
  swap_held_ -= sequence.host_blocks;
  spare_.push_back(slot);
}

void BatchState::sweep() {
  std::erase_if(running_, [&](Slot slot) {
    if (!slots_[slot].finished) return false;
    if (!slots_[slot].handed_over) spare_.push_back(slot);
    return true;
  });
}

void BatchState::let_go(Slot slot) {
  release(slot);
  spare_.push_back(slot);
}

std::int64_t BatchState::blocks_for(std::int64_t steps) const {
  std::int64_t blocks = 0;
  for (const Slot slot : running_) {
    const Sequence& sequence = slots_[slot];
    blocks += std::max<std::int64_t>(blocks_of(sequence.computed + steps) - sequence.blocks, 0);
  }
  return blocks;
}

std::int64_t BatchState::steps_that_fit(std::int64_t most, std::int64_t reserve) const {
  const std::int64_t available = pool_.free() - reserve;
  if (blocks_for(most) <= available) return most;
  std::int64_t low = 0;
  for (std::int64_t high = most; low < high;) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (blocks_for(middle) <= available) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

void BatchState::decode_all(std::int64_t steps) {
  pool_.take(blocks_for(steps));
  for (const Slot slot : running_) {
    Sequence& sequence = slots_[slot];
    sequence.computed += steps;
    sequence.scheduled_output += steps;
    sequence.blocks = std::max(sequence.blocks, blocks_of(sequence.computed));
  }
}

}  // namespace rigsim::workloads
