#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/serving/block_copies.h"
#include "workloads/serving/kv_pool.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// Names a sequence that waits or runs on a replica; free for reuse once it has finished.
using Slot = std::uint32_t;

/// A run of cached blocks that a sequence holds.
struct HeldRun {
  KvRun run{};
  std::int64_t end = 0;  ///< the sequence's block behind the run's last, once that is complete
  bool grows = false;    ///< this sequence computes what is missing of it
};

/// A request on its way through a replica. Counters run ahead of the device: they say what was
/// scheduled, but for `emitted`.
struct Sequence {
  std::uint32_t request = 0;
  std::int32_t priority = 0;
  std::int64_t prompt = 0;            ///< tokens of the request's prompt
  std::int64_t output = 0;            ///< tokens it will be answered with
  std::int64_t target = 0;            ///< tokens to compute before the next can be sampled: the
                                      ///< prompt, and behind a preemption what was answered too
  std::int64_t computed = 0;          ///< tokens whose keys and values steps compute
  std::int64_t scheduled_output = 0;  ///< tokens that scheduled steps answer
  std::int64_t emitted = 0;           ///< tokens answered
  std::int64_t drafts = 0;            ///< of `computed`, those on their way that may be rejected
  std::int64_t discarded = 0;         ///< tokens of steps on their way that will not be answered
  std::int64_t blocks = 0;            ///< KV blocks held
  std::int64_t host_blocks = 0;       ///< in host memory, while it is swapped out
  std::int64_t loaded = 0;            ///< tokens that came from the host's tier of the cache
  std::int64_t in_runs = 0;           ///< of them, those in `runs`
  std::vector<HeldRun> runs;          ///< of its prefix, in order
  /// First block of what it left in the cache when it was preempted.
  std::optional<std::int64_t> own_start;
  Ticks last_token = 0;
  std::uint32_t preemptions = 0;
  bool started = false;  ///< a step has worked on it
  bool running = false;
  bool finished = false;
  bool handed_over = false;     ///< finished here, but another replica has yet to fetch its blocks
  bool token_by_token = false;  ///< a token is scheduled only when the one before it is out

  [[nodiscard]] bool decoding() const { return computed >= target; }
  /// Nothing more of it can be scheduled for now.
  [[nodiscard]] bool all_scheduled() const {
    return scheduled_output >= output || (token_by_token && scheduled_output > emitted);
  }
};

/// A sequence's part of a step that computes its prompt.
struct ScheduledChunk {
  Slot slot = 0;
  std::int64_t tokens = 0;
  std::int64_t cached = 0;  ///< its KV tokens before
  bool emits = false;       ///< the last chunk: a token is sampled
  bool first = false;       ///< the first that was ever computed of it
};

/// One step of a replica.
struct StepPlan {
  std::vector<Slot> decode;  ///< sequences that get one more token
  std::vector<ScheduledChunk> chunks;
  std::int64_t idle = 0;       ///< rows beside `decode` that answer nothing
  std::int64_t kv_tokens = 0;  ///< that `decode` and idle rows attend to
  BlockCopies copies;          ///< before anything is computed
  /// [decode] Drafted tokens computed beside its next one, where the engine speculates; else empty.
  std::vector<std::int64_t> drafts;
  std::int64_t draft_tokens = 0;  ///< of all rows, idle ones too
  /// Of a row's last token but one, that before it, ... and the tokens each attends to.
  std::int64_t draft_pairs = 0;

  [[nodiscard]] bool empty() const { return !computes() && !copies.any(); }
  [[nodiscard]] bool computes() const { return rows() > 0 || !chunks.empty(); }
  [[nodiscard]] bool only_decodes() const { return chunks.empty() && rows() > 0 && !copies.any(); }
  [[nodiscard]] std::int64_t rows() const {
    return static_cast<std::int64_t>(decode.size()) + idle;
  }
  /// Whether a token comes of it.
  [[nodiscard]] bool answers() const {
    const auto emits = [](const ScheduledChunk& each) { return each.emits; };
    return rows() > 0 || std::ranges::any_of(chunks, emits);
  }
  void clear() {
    decode.clear();
    chunks.clear();
    idle = 0;
    kv_tokens = 0;
    copies = {};
    drafts.clear();
    draft_tokens = 0;
    draft_pairs = 0;
  }
};

}  // namespace rigsim::workloads
