#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/units.h"

namespace rigsim::workloads {

/// In which order the stages of a pipeline work on the micro-batches.
enum class PipelineSchedule : std::uint8_t {
  kSerial,     ///< one request walks through all stages, then the next (llama.cpp's layer split)
  kInference,  ///< forward only, several micro-batches in flight (vLLM's pipeline parallel)
  kGpipe,      ///< all forwards, then all backwards, the last first (Huang et al., NeurIPS 2019)
  kOneForwardOneBackward,  ///< PipeDream-Flush (Narayanan et al., ICML 2021)
  kInterleaved,            ///< 1F1B over several chunks per device (Narayanan et al., SC 2021)
  kZeroBubbleH1            ///< 1F1B, weight gradients put off (Qi et al., ICLR 2024)
};

/// "serial", "inference", "gpipe", "1f1b", "interleaved", "zb-h1".
[[nodiscard]] std::string_view to_string(PipelineSchedule schedule);
[[nodiscard]] bool has_backward(PipelineSchedule schedule);

enum class PassKind : std::uint8_t {
  kForward,
  kBackward,       ///< gradients of inputs and weights, in one piece
  kBackwardInput,  ///< what the stage before waits for
  kBackwardWeight  ///< what nobody waits for
};

[[nodiscard]] std::string_view to_string(PassKind kind);

/// One micro-batch through one chunk, in one direction.
struct PipelinePass {
  PassKind kind = PassKind::kForward;
  std::uint32_t micro_batch = 0;
  std::uint32_t chunk = 0;
  std::uint32_t round = 0;
  friend bool operator==(const PipelinePass&, const PipelinePass&) = default;
};

/// How long one chunk takes for one micro-batch.
struct ChunkTime {
  sim::Duration forward{};
  sim::Duration backward_input{};   ///< gradient of its input
  sim::Duration backward_weight{};  ///< gradient of its weights

  [[nodiscard]] sim::Duration of(PassKind kind) const;
  friend bool operator==(const ChunkTime&, const ChunkTime&) = default;
};

/// A schedule and its sizes. Chunk c of stage s is the part of the model at position
/// `c x stages + s`.
struct PipelineShape {
  PipelineSchedule schedule = PipelineSchedule::kOneForwardOneBackward;
  std::uint32_t stages = 1;
  std::uint32_t micro_batches = 1;
  std::uint32_t chunks = 1;  ///< per stage; more than one for kInterleaved only
  std::uint32_t rounds = 1;  ///< forward only: output tokens of each micro-batch, one after another

  [[nodiscard]] std::uint32_t positions() const { return stages * chunks; }
};

/// Passes of one shape at most: each is an op of a graph.
inline constexpr std::uint64_t kMostPasses = 3'000'000;

/// Throws std::invalid_argument, saying why, for a size of 0, more than kMostPasses passes, chunks
/// where the schedule has none, rounds where it has a backward pass, and interleaved chunks whose
/// micro-batches do not come in groups of one per stage.
void check(const PipelineShape& shape);

/// The passes of each stage, in the order in which it runs them, whatever is ready first.
///
/// - serial, inference: round after round, micro-batch after micro-batch (serial: all rounds of a
///   request, then the next request).
/// - gpipe: forwards 0 .. m-1, backwards m-1 .. 0.
/// - 1f1b: stage s begins with min(p-1-s, m) forwards; then a forward and a backward in turn; then
///   the backwards that are left.
/// - interleaved: as 1f1b with min(2 (p-1-s) + (v-1) p, m v) forwards first; groups of p
///   micro-batches go through a stage's chunks one after another, backwards through the last chunk
///   first (Megatron-LM's order). With one chunk: 1f1b.
/// - zb-h1: as 1f1b with the backward in two. Stage s puts off s weight gradients, which keeps its
///   activations at the first stage's p; once it has no forwards left, each input gradient is
///   followed by a weight gradient.
///
/// Throws as `check`.
[[nodiscard]] std::vector<std::vector<PipelinePass>> stage_orders(const PipelineShape& shape);

/// The most chunk activations that `order` holds at once: from a forward's start to the end of the
/// pass that needs them last. Without backward passes none is held.
[[nodiscard]] std::uint32_t most_held(const std::vector<PipelinePass>& order);

}  // namespace rigsim::workloads
