#include <utility>

#include "workloads/serving/replica.h"

namespace rigsim::workloads {

/// Of the requests that it is the first to work on.
void Replica::note_begin(const Step& step) {
  for (const ScheduledChunk& each : step.plan.chunks) {
    if (!each.first) continue;
    RequestRecord& record = records_[state_.at(each.slot).request];
    record.scheduled = to_time(step.begin);
    const std::int64_t loaded = state_.at(each.slot).loaded;  // whole blocks; one token is left
    record.cached_tokens =
        loaded > 0 ? state_.blocks_of(each.cached) * state_.limits().kv_block_tokens - loaded
                   : each.cached;
    record.host_tokens = each.cached - record.cached_tokens;
  }
}

StepRecord Replica::record_of(const StepPlan& plan) const {
  StepRecord record{.replica = id_};
  record.decodes = static_cast<std::int64_t>(plan.decode.size());
  record.kv_tokens = plan.kv_tokens;
  record.draft_pairs = plan.draft_pairs;
  record.chunks = static_cast<std::int64_t>(plan.chunks.size());
  for (const ScheduledChunk& each : plan.chunks) {
    record.prompt_tokens += each.tokens;
    record.prompt_kv_tokens += each.cached + each.tokens;
    record.prompt_pairs += each.tokens * each.cached + each.tokens * (each.tokens + 1) / 2;
  }
  record.running = static_cast<std::int64_t>(state_.running().size());
  record.waiting = state_.not_running();
  record.swapped_out = plan.copies.out;
  record.swapped_in = plan.copies.in;
  record.kv_blocks_held = state_.pool().held();
  return record;
}

void Replica::count_host_blocks(StepRecord& record) {
  if (!state_.host()) return;
  const HostTier& host = *state_.host();
  record.host_stored = host.stored_blocks() - std::exchange(stored_seen_, host.stored_blocks());
  record.host_loaded = host.loaded_blocks() - std::exchange(loaded_seen_, host.loaded_blocks());
}

/// The chunk's keys and values are there.
void Replica::store_chunk(const ScheduledChunk& chunk, Ticks now) {
  if (!state_.host() || !state_.at(chunk.slot).running) return;
  state_.store(chunk.slot, (chunk.cached + chunk.tokens) / state_.limits().kv_block_tokens, now);
}

/// A token is to be answered: those of all tokens before it are there. One that was answered on its
/// way when its sequence was preempted is not.
void Replica::store_answer(Slot slot, Ticks now) {
  const Sequence& sequence = state_.at(slot);
  if (!state_.host() || !sequence.running) return;
  const std::int64_t there = std::min(sequence.prompt + sequence.emitted, sequence.computed);
  if (there % state_.limits().kv_block_tokens == 0)
    state_.store(slot, there / state_.limits().kv_block_tokens, now);
}

void Replica::flush_gaps() {
  if (gaps_.sequences > 0) observer_.gaps_seen(gaps_);
  gaps_.sequences = 0;
}

/// Steps of `step`'s batch, whose first is `steps_before` behind it.
void Replica::observe(StepRecord& record, const Step& step, std::int64_t steps_before) {
  if (stations_.size() > 1 || !stations_.front().stages.empty()) {
    computing_.clear();
    for (std::size_t s = 0; s < step.runs.size(); ++s) {
      const StepRun& run = step.runs[s];
      if (stations_.size() == 1 || stations_[s].kind == StationKind::kStage)
        computing_.push_back(series(run.first + run.slope * steps_before, run.slope, record.steps));
    }
    record.stages = computing_;
  }
  observer_.steps_executed(record);
}

}  // namespace rigsim::workloads
