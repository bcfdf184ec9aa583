#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/deployment_builder.h"
#include "workloads/serving/batching.h"
#include "workloads/serving/pass_step_cost.h"
#include "workloads/serving/speculative_choice.h"

namespace rigsim::workloads {

/// The model that drafts.
struct DraftModel {
  Model model;
  WeightsFormat weights;
};

/// How an engine speculates, every name replaced by what it stands for.
struct Speculating {
  SpeculativeChoice choice;
  std::optional<DraftModel> draft{};  ///< none: n-grams
};

/// What the scheduler has to know; without the longest context.
[[nodiscard]] Speculation speculation_of(const Speculating& speculating);

/// Changes of an engine's limits and its host by speculation, as vLLM 0.19 makes them:
/// - a draft model needs a slot more of each sequence in its first pass, so that a step has
///   max_sequences tokens less (config/vllm.py, max_num_scheduled_tokens);
/// - n-grams are looked up by the host: nothing is scheduled ahead (the same);
/// - captured sizes are rounded up to multiples of the tokens of a sequence in a step
///   (config/compilation.py, adjust_cudagraph_sizes_for_spec_decode).
/// Throws std::invalid_argument where a step has no token left.
void speculate(const Speculating& speculating, BatchLimits& limits, ServingHost& host);

/// The draft model's place: the target's devices, its plan (experts apart), its KV format. Throws
/// std::invalid_argument unless vLLM would take it: one vocabulary, and a context as long as the
/// target's, beyond which vLLM stops to speculate.
[[nodiscard]] DeploymentRequest draft_request(const DeploymentRequest& target,
                                              const DraftModel& draft);

/// What the draft model takes of each device's memory.
[[nodiscard]] SecondModel draft_memory(const DeploymentRequest& draft);

/// Throws std::invalid_argument where speculative decoding is not modelled with the plan, the
/// batching or the engine.
void check_speculation(const ParallelPlan& plan, const Batching& batching,
                       const EngineProfile& engine, bool prompt_replicas);

}  // namespace rigsim::workloads
