#pragma once

#include <cstdint>
#include <span>

#include "workloads/serving/block_copies.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// Sequences that each get one more token.
struct DecodeLoad {
  std::int64_t sequences = 0;
  std::int64_t kv_tokens = 0;  ///< that all of them attend to, their new ones included
  std::int64_t drafts = 0;     ///< drafted tokens that are computed beside one of each
};

/// A part of a prompt that one step computes.
struct PromptChunk {
  std::int64_t tokens = 0;
  std::int64_t cached = 0;  ///< KV tokens of the sequence before it
  /// Of these, those that the step before computed and answered nothing, so that nobody waited for
  /// its end.
  std::int64_t behind = 0;
};

/// What a step costs, and what the next ones do as long as only the contexts grow: step i takes
/// `first` + i x `slope`, for `steps` steps.
struct StepRun {
  Ticks first = 0;
  Ticks slope = 0;
  std::int64_t steps = 1;
};

/// Prices the steps of one replica, or what one station of it does of them. Answers depend on the
/// arguments alone.
class StepCost {
 public:
  virtual ~StepCost() = default;
  /// A step that only decodes. In each step of the run the load's kv_tokens are larger by its
  /// sequences: run.first of that load equals what asking for it would answer.
  virtual StepRun decode(const DecodeLoad& load) = 0;
  /// A step that works on prompts, too.
  virtual Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) = 0;
};

enum class StationKind : std::uint8_t {
  kStage,  ///< computes, one step at a time
  kLine,   ///< one step at a time: a link, the host
  kDelay   ///< any number of steps at once
};

class JointStepCost;

/// A place that a replica's steps pass in order, for as long as `cost` says. The last one is not a
/// delay, so that steps end in the order in which they began.
struct Station {
  StepCost* cost = nullptr;
  StationKind kind = StationKind::kStage;
  /// Stages that compute one step together, one batch at a time, and what each computes of it; the
  /// step then passes this station alone. Empty: the station is one stage, if any.
  std::span<StepCost* const> stages{};
  /// In place of `cost` where all replicas step together: then this is their only station.
  JointStepCost* joint = nullptr;
  BlockCopyCost copies{};  ///< of KV blocks, before it computes
};

}  // namespace rigsim::workloads
