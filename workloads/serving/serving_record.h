#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/units.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// What became of a request.
enum class RequestOutcome : std::uint8_t {
  kFinished,
  kTooLong,  ///< the replica's KV cache, context or step cannot hold it: turned away
  kUnserved  ///< did not come to its end (a run that was cut short)
};

/// One request's times, rounded to the clock once each.
struct RequestRecord {
  RequestOutcome outcome = RequestOutcome::kUnserved;
  std::uint16_t replica = 0;
  std::uint32_t preemptions = 0;
  std::int64_t cached_tokens = 0;  ///< of its prompt, found in the prefix cache when scheduled
  std::int64_t host_tokens = 0;    ///< of its prompt, found in host memory behind these
  sim::Time arrival{};
  sim::Time scheduled{};  ///< the start of the first step that works on it
  /// Where one replica computes the prompt and another decodes: when the prompt was done, when its
  /// KV cache started to move (the decoding replica had blocks for it) and when it was there.
  sim::Time prefilled{};
  sim::Time kv_sent{};
  sim::Time kv_there{};
  sim::Time first_token{};
  sim::Time finished{};
};

/// Steps in a row: step i starts where the one before ended and takes `first` + i x `slope`. In a
/// pipeline these are of one batch, each from when it was scheduled; there are those of others at
/// the same time.
struct StepRecord {
  std::uint32_t replica = 0;
  Ticks start = 0;
  Ticks first = 0;
  Ticks slope = 0;
  std::int64_t steps = 1;
  std::int64_t decodes = 0;           ///< sequences that get a token
  std::int64_t kv_tokens = 0;         ///< that they attend to, in the first step
  std::int64_t drafts = 0;            ///< drafted tokens computed beside one of each
  std::int64_t drafted = 0;           ///< sequences, of `decodes`, that have any
  std::int64_t accepted = 0;          ///< of these, those beyond the end of an answer too
  std::int64_t more_tokens = 0;       ///< answered beyond one of each
  std::int64_t draft_pairs = 0;       ///< of a row's token but its last and a token it attends to
  std::int64_t chunks = 0;            ///< prompts or parts of them
  std::int64_t prompt_tokens = 0;     ///< of the chunks
  std::int64_t prompt_kv_tokens = 0;  ///< that chunks attend to, their own included
  std::int64_t prompt_pairs = 0;      ///< of a chunk's token and a token it attends to
  std::int64_t preemptions = 0;       ///< since the record before
  std::int64_t swapped_out = 0;       ///< KV blocks that moved to host memory before it
  std::int64_t swapped_in = 0;        ///< and back
  Ticks copying = 0;                  ///< what that took of it
  std::int64_t host_stored = 0;       ///< KV blocks for the host's tier of the prefix cache, since
                                      ///< the record before
  std::int64_t host_loaded = 0;       ///< and from it
  std::int64_t running = 0;           ///< sequences, at the end
  std::int64_t waiting = 0;           ///< swapped ones included
  std::int64_t kv_blocks_held = 0;
  /// Of their time, what no step that ended before covers. Over all steps of a replica that sums to
  /// the time in which it has any. None: all of it.
  std::optional<Ticks> alone{};
  /// In lock step: of their time, how long this replica waits for the slowest, and of one step the
  /// tokens of all replicas and those of the one that has most, dummy batches of one token included
  /// in the latter alone; 0: not in lock step.
  Ticks waited = 0;
  std::int64_t group_tokens = 0;
  std::int64_t group_most = 0;
  /// [stages] How long each computes in all these steps; empty where there is one, which always
  /// does. Valid during the call.
  std::span<const Ticks> stages{};

  [[nodiscard]] Ticks duration() const { return series(first, slope, steps); }
  [[nodiscard]] Ticks busy() const { return alone.value_or(duration()); }
};

/// Gaps between tokens of one sequence (with speculation between what two steps answer of it, as
/// vLLM's bench serve counts: tokens of a step come at once): `sequences` of them see `first`,
/// `first` + `slope`, ...: `gaps` gaps each.
struct GapRun {
  Ticks first = 0;
  Ticks slope = 0;
  std::int64_t gaps = 1;
  std::int64_t sequences = 1;
  Ticks start = 0;  ///< of the step that ends the first of them
};

/// Sees a serving run as it goes.
class ServingObserver {
 public:
  virtual ~ServingObserver() = default;
  /// A run of steps ended. In the order of their ends on each replica.
  virtual void steps_executed(const StepRecord& steps) = 0;
  /// Sequences got tokens that are not their first.
  virtual void gaps_seen(const GapRun& gaps) = 0;
  /// A request's first token is out of the engine; its others where wants_tokens(). Before the
  /// record of the step.
  virtual void token_out(std::uint32_t /*request*/, Ticks /*now*/, bool /*first*/) {}
  /// Whether it has to see every token: replicas then go step by step.
  [[nodiscard]] virtual bool wants_tokens() const { return false; }
  /// A request ended, or was turned away.
  virtual void request_ended(std::uint32_t request, const RequestRecord& record) = 0;
};

}  // namespace rigsim::workloads
