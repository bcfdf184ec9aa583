#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "workloads/deployment.h"
#include "workloads/forward_pass.h"
#include "workloads/kernel.h"
#include "workloads/serving/micro_batches.h"
#include "workloads/serving/pass_bodies.h"
#include "workloads/serving/step_cost.h"

namespace rigsim::workloads {

/// What it takes the devices to choose tokens beyond the greedy choice that passes contain.
struct SamplingCost {
  double step_us = 0;      ///< per step
  double logit_bytes = 0;  ///< memory traffic for each logit of each sequence, over the bandwidth
};

/// The host's share of a serving step, and how it has tokens chosen.
struct ServingHost {
  double step_us = 0;          ///< per step: schedule, prepare inputs, sample, hand out
  double per_sequence_us = 0;  ///< and for each sequence in it
  /// The host prepares a step while the device computes the one before: a step takes the longer of
  /// the two. Else host and device take turns.
  bool overlapped = false;
  /// Steps of up to the last of these replay a captured graph of the next larger size, padding
  /// included (vLLM's cudagraph_capture_sizes). Increasing.
  std::vector<std::int64_t> captured;
  SamplingCost sampling{};

  /// Of a step of so many sequences.
  [[nodiscard]] Ticks share(std::int64_t sequences) const;
  /// Steps that take the devices what `device` says and the host `share`: one behind the other, or
  /// overlapped the longer of the two.
  [[nodiscard]] StepRun with(StepRun device, Ticks share) const;
};

/// Whether a kernel's cost depends on the contexts.
[[nodiscard]] bool is_attention(const Kernel& kernel);

/// vLLM's default capture sizes: 1, 2, 4, then every 8 up to 256, every 16 up to 512
/// (vllm/config/vllm.py, _set_cudagraph_sizes).
[[nodiscard]] std::vector<std::int64_t> vllm_capture_sizes();

/// By how much devices are slower than predicted.
struct Slowness {
  double decode = 1;  ///< in steps that only decode
  double prompt = 1;  ///< in steps that work on prompts, too
};

/// Steps of a model on one stage of a replica: everything but attention at the step's (padded)
/// tokens, the head at the sequences that get logits (PassBodies), and attention of each part by
/// the kernel cost model.
///
/// - Decode attention depends on the number of sequences and on the sum of their contexts: linear
///   between mean contexts four to an octave. A batch of unlike contexts costs as much as one of
///   equal ones.
/// - Steps with prompts go through the layers in micro-batches where the engine does that (ggml).
/// - Chunks of prompts are priced one by one. Beside them the decoding sequences' attention costs
///   more than alone where the kernel is FlashAttention 2: see mixed_attention.h.
class PassStepCost final : public StepCost {
 public:
  /// Stage `stage` of `deployment`, which must outlive this as `bodies` must. What the devices do
  /// takes `slowness` times as long (error bands are runs of slower and faster devices). Throws
  /// std::invalid_argument unless both factors are > 0.
  PassStepCost(const Deployment& deployment, PassBodies& bodies, std::size_t stage,
               ServingHost host, Slowness slowness = {});
  /// A replica of one stage. Throws std::invalid_argument for another deployment, too.
  PassStepCost(const Deployment& deployment, ServingHost host, Slowness slowness = {});

  StepRun decode(const DecodeLoad& load) override;
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override;

  // The parts of these.
  /// One pass of the devices, without host and sampling; of the load's drafts too, all tokens of a
  /// sequence in one row of attention: the last of them attends to its whole context.
  Ticks pass(const DecodeLoad& load, std::span<const PromptChunk> chunks, std::int64_t logits);
  /// Attention of all layers, with at least one sequence; beside chunks it does not grow.
  StepRun attention(const DecodeLoad& load);
  Ticks attention(const DecodeLoad& load, std::span<const PromptChunk> chunks);
  /// From the hidden state of so many sequences to their tokens, beyond what passes contain.
  Ticks drawing(std::int64_t sequences);
  /// What it takes to choose tokens beyond the greedy choice.
  [[nodiscard]] Ticks sampling(std::int64_t rows) const;
  /// What a step with prompts takes, of what it would take if its devices were as slow as in
  /// others.
  [[nodiscard]] Ticks with_prompts(Ticks device) const;

 private:
  PassStepCost(const Deployment& deployment, std::unique_ptr<PassBodies> bodies, ServingHost host,
               Slowness slowness);

  /// Layers whose attention costs the same: one of them, and how many.
  struct LayerGroup {
    int layer = 0;
    std::int64_t count = 0;
  };

  /// Decode attention of a load, what a token more of context adds, and for how many steps.
  struct Segment {
    Ticks value = 0;
    Ticks per_token = 0;
    std::int64_t steps = 1;
  };

  [[nodiscard]] Ticks on_device(sim::Duration duration) const;
  [[nodiscard]] const DeployedStage& stage() const { return d_.stages[stage_]; }
  Ticks body(std::int64_t tokens, std::int64_t logits);
  Ticks decode_attention_at(std::int64_t sequences, std::size_t knot);
  [[nodiscard]] Segment segment(const DecodeLoad& load);
  [[nodiscard]] Ticks beside_chunks(const DecodeLoad& load) const;
  [[nodiscard]] Ticks several_queries(const DecodeLoad& load) const;
  [[nodiscard]] Ticks chunk_attention(const PromptChunk& chunk) const;
  [[nodiscard]] Ticks attention_of(const PassShape& shape) const;
  [[nodiscard]] std::vector<Kernel> attention_kernels(std::uint32_t device, int layer,
                                                      const PassShape& shape) const;
  [[nodiscard]] PassShape shape_of(std::int64_t tokens, std::int64_t sequences,
                                   std::int64_t context) const;

  const Deployment& d_;
  std::unique_ptr<PassBodies> own_;  // of a replica of one stage
  PassBodies& bodies_;
  std::size_t stage_;
  ServingHost host_;
  Slowness slowness_;
  std::vector<LayerGroup> groups_;
  std::vector<std::int64_t> knots_;                        // mean contexts
  std::vector<std::vector<std::optional<Ticks>>> decode_;  // [sequences][knot]
};

}  // namespace rigsim::workloads
