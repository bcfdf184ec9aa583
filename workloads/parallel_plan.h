#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sim/units.h"
#include "workloads/model.h"

namespace rigsim::workloads {

/// What one device holds of the layers that are its own.
enum class SplitMode {
  kLayer,  ///< whole layers, one stage after another (llama.cpp --split-mode layer)
  kRow,    ///< rows of every matrix, all else on the first device (llama.cpp --split-mode row); the
           ///< plan's tp counts the devices
  kTensor  ///< heads and columns of every layer, as tensor parallel (llama.cpp --split-mode tensor)
};

[[nodiscard]] std::string_view to_string(SplitMode mode);

/// How layers are shared out among pipeline stages when not given by hand.
enum class StageBalance {
  kByMemory,  ///< in proportion to the devices' free memory, the head counted as a layer, as
              ///< llama.cpp does
  kEven  ///< as even as they go; what is left over goes to the stages before the last, as vLLM does
};

/// How a model is spread over the devices of a rig. Positions are numbered replica by replica,
/// within it stage by stage, within that rank by rank.
struct ParallelPlan {
  int tp = 1;  ///< tensor parallel: every matrix of a layer is divided among this many devices
  int pp = 1;  ///< pipeline stages
  int dp = 1;  ///< replicas of the whole
  /// Experts are divided among this many of the tp x dp devices of a stage: consecutive ones, so
  /// that a group is a part of a replica's or several replicas' devices. Up to tp the other
  /// tp / ep ways cut each expert's matrices.
  int ep = 1;
  double expert_imbalance = 1;  ///< tokens of the busiest of the ep devices over their mean
  /// Between the products activations are divided by token: an all-reduce becomes a reduce-scatter
  /// and an all-gather, norms work on 1/tp of the tokens (V. Korthikanti et al., arXiv 2205.05198).
  bool sequence_parallel = false;
  std::vector<int> layers_per_stage{};  ///< by hand; empty: by `balance`
  std::optional<int>
      gpu_layers{};  ///< llama.cpp's -ngl: so many of the last layers on devices; none: all
  SplitMode split = SplitMode::kLayer;
  StageBalance balance = StageBalance::kByMemory;
  /// Batches that are in the pipeline at once while decoding; none: as the engine does it. One
  /// where the engine steps all sequences together (llama.cpp), up to pp under vLLM.
  std::optional<int> in_flight{};
  std::vector<std::uint32_t> devices{};  ///< rig device of each position; empty: in the rig's order

  friend bool operator==(const ParallelPlan&, const ParallelPlan&) = default;
};

/// The plan llama.cpp makes of `devices` devices without being asked: one stage on each.
[[nodiscard]] ParallelPlan layer_split(int devices);

/// How an engine that splits by `mode` uses `devices` devices without being told more.
[[nodiscard]] ParallelPlan split_plan(SplitMode mode, int devices);

/// tp x pp x dp.
[[nodiscard]] int device_count(const ParallelPlan& plan);

/// The rig's device at `position` of the plan.
[[nodiscard]] std::uint32_t device_at(const ParallelPlan& plan, std::size_t position);

/// Replicas that share one set of experts: ep / tp, at least one.
[[nodiscard]] int replicas_per_expert_group(const ParallelPlan& plan);

/// Throws std::invalid_argument, naming the number and what is allowed, unless `plan` fits `model`
/// and at most `devices` devices: degrees >= 1; tp divides the heads and the FFN's width (of
/// experts that it cuts, theirs), and divides the KV heads or is a multiple of them; pp at most the
/// layers; ep divides the experts, and tp, or is a multiple of tp that divides tp x dp;
/// expert_imbalance from 1 to ep; in_flight from 1 to pp; layers_per_stage names every stage and
/// sums to the layers on devices; `devices` names different devices of the rig, one for each
/// position; one replica where layers stay on the host. A row or tensor split is of one stage; a
/// row split is of dense matrices only.
void validate(const ParallelPlan& plan, const Model& model, int devices);

/// The layers of one pipeline stage.
struct Stage {
  int first_layer = 0;
  int layers = 0;
  bool head = false;  ///< the final norm and the language-model head are here

  friend bool operator==(const Stage&, const Stage&) = default;
};

/// Where the layers are.
struct Placement {
  int host_layers = 0;  ///< the first so many layers are computed by the host
  bool head_on_host = false;
  std::vector<Stage> stages;  ///< one per pipeline stage, in order; may be empty of layers

  /// The stage of a layer; none: the host.
  [[nodiscard]] std::optional<std::size_t> stage_of(int layer) const;
};

/// Places the layers of `model`. `stage_memory` is the free memory of each stage, read only when
/// the plan balances by memory. With -ngl n (ggml-org/llama.cpp b2824, src llama.cpp:
/// llm_load_tensors) the last n layers go to devices and the head too when n exceeds the layers. By
/// memory: slot i of the s slots (layers on devices, and the head) goes to the first stage whose
/// memory and that of those before it exceed i/s of the whole. Throws std::invalid_argument unless
/// stage_memory has one positive entry per stage where it is read.
[[nodiscard]] Placement place_layers(const Model& model, const ParallelPlan& plan,
                                     std::span<const sim::Bytes> stage_memory);

}  // namespace rigsim::workloads
