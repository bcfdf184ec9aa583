#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "workloads/serving/pass_step_cost.h"

namespace rigsim::workloads {

/// Steps of a replica of one stage that speculates, as vLLM 0.19 runs them (v1/worker/
/// gpu_model_runner.py; v1/spec_decode/eagle.py, propose(), with draft_model.py):
///
/// - the model computes each sequence's next token and its drafts in one pass, with logits of all;
/// - a draft model then computes the same tokens (prompts too), and one more of each sequence: that
///   gives the first draft. Each further one takes a pass of one token for every sequence in the
///   step, also where that is part of a prompt whose drafts are thrown away.
///
/// The draft model's contexts are taken as if all was accepted. What the host needs for its passes
/// is not known and left out; so is looking n-grams up.
class SpeculativeStepCost final : public StepCost {
 public:
  /// `target` and `draft` (null: drafts cost nothing) must outlive this. Throws
  /// std::invalid_argument as PassStepCost, and unless tokens >= 1.
  SpeculativeStepCost(const Deployment& target, const Deployment* draft, std::int64_t tokens,
                      ServingHost host, Slowness slowness = {});

  StepRun decode(const DecodeLoad& load) override { return {of(load, {}), 0, 1}; }
  Ticks mixed(const DecodeLoad& load, std::span<const PromptChunk> chunks) override {
    return of(load, chunks);
  }

  /// All passes of the draft model in a step.
  Ticks drafting(const DecodeLoad& load, std::span<const PromptChunk> chunks);

 private:
  Ticks of(const DecodeLoad& load, std::span<const PromptChunk> chunks);

  ServingHost host_;
  std::int64_t tokens_;
  PassStepCost target_;
  std::optional<PassStepCost> draft_;
  std::vector<PromptChunk> longer_;  // each with a token more
};

}  // namespace rigsim::workloads
