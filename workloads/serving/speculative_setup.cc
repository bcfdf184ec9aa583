#include "workloads/serving/speculative_setup.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {

Speculation speculation_of(const Speculating& speculating) {
  const SpeculativeChoice& choice = speculating.choice;
  Speculation rules;
  rules.tokens = choice.tokens;
  rules.lookahead = speculating.draft ? choice.tokens : 0;
  rules.acceptance = choice.acceptance;
  rules.acceptance.resize(static_cast<std::size_t>(choice.tokens), choice.acceptance.front());
  return rules;
}

void speculate(const Speculating& speculating, BatchLimits& limits, ServingHost& host) {
  limits.speculation = speculation_of(speculating);
  if (speculating.draft) {
    const std::int64_t left = limits.step_tokens - limits.max_sequences;
    if (left < 1)
      throw std::invalid_argument(
          "a draft model needs a token of the step for each sequence: with " +
          std::to_string(limits.max_sequences) + " sequences (--max-num-seqs) there must be more " +
          "than as many tokens in a step (--max-num-batched-tokens), got " +
          std::to_string(limits.step_tokens));
    limits.step_tokens = left;
  } else {
    limits.async_scheduling = false;
    host.overlapped = false;
  }
  const std::int64_t multiple = 1 + limits.speculation.tokens;
  const std::int64_t most = host.captured.empty() ? 0 : host.captured.back();
  for (std::int64_t& size : host.captured) size = (size + multiple - 1) / multiple * multiple;
  std::erase_if(host.captured, [&](std::int64_t size) { return size > most; });
  const auto same = std::ranges::unique(host.captured);
  host.captured.erase(same.begin(), same.end());
}

DeploymentRequest draft_request(const DeploymentRequest& target, const DraftModel& draft) {
  if (draft.model.vocab != target.model.vocab)
    throw std::invalid_argument(draft.model.name + " has a vocabulary of " +
                                std::to_string(draft.model.vocab) + ", " + target.model.name +
                                " one of " + std::to_string(target.model.vocab) +
                                ": a draft model must have the same");
  if (draft.model.max_context < target.context)
    throw std::invalid_argument(draft.model.name + " was made for at most " +
                                std::to_string(draft.model.max_context) +
                                " tokens of context; give --context, at most that, instead of " +
                                std::to_string(target.context));
  DeploymentRequest request = target;
  request.model = draft.model;
  request.weights = draft.weights;
  if (!draft.model.experts) request.plan.ep = 1;
  return request;
}

SecondModel draft_memory(const DeploymentRequest& draft) {
  MemoryRequest memory = memory_request(draft);
  memory.context = 1;
  const MemoryPlan plan = plan_memory(memory);
  const sim::Bytes token =
      layer_kv_bytes_per_token(draft.model, draft.kv_format, draft.plan.tp) * draft.model.layers;
  return {plan.devices.front().items.weights, token};
}

void check_speculation(const ParallelPlan& plan, const Batching& batching,
                       const EngineProfile& engine, bool prompt_replicas) {
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument("speculative decoding is not modelled with " + what);
  };
  require_speculation(batching);
  if (plan.pp > 1)
    refuse("pipelines (pp=" + std::to_string(plan.pp) + "); allowed are tp, dp and ep");
  if (replicas_per_expert_group(plan) > 1)
    refuse("experts spread over replicas (ep=" + std::to_string(plan.ep) + ")");
  if (prompt_replicas) refuse("replicas that only compute prompts (--prefill-replicas)");
  if (engine.style == KernelStyle::kGgml)
    refuse("the kernels of " + engine.name + "; --engine vllm is");
}

}  // namespace rigsim::workloads
