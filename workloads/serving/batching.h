#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rigsim::workloads {

/// A batch is formed from what waits and runs until its longest sequence is done; only then comes
/// the next. Rows that are done are not computed on, and prompts are not padded.
struct StaticBatching {};

/// Orca (Yu et al., OSDI 2022): first come first served at each iteration, whole prompts beside
/// decoding sequences, KV slots for its whole answer reserved on admission (the paper's max_tokens;
/// Sarathi-Serve's copy of Orca reserves the longest context instead).
struct OrcaBatching {};

/// vLLM 0.6's V0 scheduler (vllm/core/scheduler.py, _schedule_default): waiting prompts go before
/// decoding, whole, in steps of their own; the newest sequence is preempted by recomputation where
/// no block is free. Swapping, priorities and its own chunked prefill are not modelled.
struct VllmV0Batching {
  double watermark = 0.01;  ///< share of the blocks that admission leaves free
};

/// vLLM 0.19's V1 scheduler (vllm/v1/core/sched/scheduler.py): running sequences first, then
/// waiting ones, prompts in chunks of what is left of the step's token budget. One difference:
/// where by priority a sequence goes that was passed over in this step (its last token is on its
/// way), vLLM also passes over the next one, for this step.
struct VllmV1Batching {
  std::int64_t long_prefill_tokens = 0;  ///< longest chunk of one prompt; 0: no limit
  bool reserve_prompt = true;            ///< admitted only where its whole prompt fits
                                         ///< (scheduler_reserve_full_isl)
  bool by_priority = false;              ///< --scheduling-policy priority
};

/// Sarathi-Serve (Agrawal et al., OSDI 2024; sarathi_scheduler.py of its osdi branch): decoding
/// sequences first, then prompts in chunks up to the budget; a prompt's blocks are all allocated on
/// admission. Preemption is V0's.
struct SarathiBatching {
  double watermark = 0.01;
};

using Batching =
    std::variant<VllmV1Batching, VllmV0Batching, SarathiBatching, OrcaBatching, StaticBatching>;

/// "vllm-v1", "vllm-v0", "sarathi", "orca", "static".
[[nodiscard]] std::string_view name_of(const Batching& batching);

/// The policy of that name with its defaults. Throws std::invalid_argument listing the names.
[[nodiscard]] Batching batching_named(std::string_view name);

/// What holds for a replica's steps whatever the policy.
struct BatchLimits {
  std::int64_t max_sequences = 256;  ///< running at once
  std::int64_t step_tokens = 2048;   ///< new tokens of one step
  std::int64_t kv_blocks = 0;        ///< that sequences can have
  std::int64_t kv_block_tokens = 16;
  bool prefix_caching = true;
  /// A step is scheduled when the one before it starts, so that the device need not wait.
  bool async_scheduling = false;
};

/// Throws std::invalid_argument naming the limit and what is allowed.
void validate(const BatchLimits& limits);

}  // namespace rigsim::workloads
