#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "workloads/serving/speculation.h"

namespace rigsim::workloads {

/// A batch is formed from what waits and runs until its longest sequence is done; only then comes
/// the next. Rows that are done are not computed on, and prompts are not padded.
struct StaticBatching {};

/// Orca (Yu et al., OSDI 2022): first come first served at each iteration, whole prompts beside
/// decoding sequences, KV slots for its whole answer reserved on admission (the paper's max_tokens;
/// Sarathi-Serve's copy of Orca reserves the longest context instead).
struct OrcaBatching {};

/// vLLM 0.6's V0 scheduler (vllm/core/scheduler.py, _schedule_default): waiting prompts go before
/// decoding, whole, in steps of their own; the newest sequence is preempted where no block is free.
/// Its tokens are computed anew, or with `swap` its blocks move to host memory: such sequences come
/// back before any new prompt, in the order in which they left, once their blocks leave the
/// watermark free. Priorities and its own chunked prefill are not modelled.
struct VllmV0Batching {
  double watermark = 0.01;  ///< share of the blocks that admission leaves free
  bool swap = false;        ///< --preemption-mode swap
  double swap_gib = 4;      ///< --swap-space, GiB of host memory for each device
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

/// SGLang 0.5.9 (python/sglang/srt/managers: scheduler.py, schedule_policy.py, schedule_batch.py;
/// read at 40349/sglang-v.0.5.9@00041e5): prompts before decoding, in steps of their own, one of
/// them in chunks; admitted where their tokens and a share of the answers that are to come fit the
/// cache. The share falls while decoding goes well. Defaults are those of environ.py.
struct SglangBatching {
  /// --schedule-policy lpm: who waits is ordered by what is cached of its prompt, else by arrival.
  bool longest_prefix_first = false;
  double conservativeness = 1;          ///< --schedule-conservativeness, times the share of answers
  std::int64_t prefill_tokens = 16384;  ///< --max-prefill-tokens: of one step, beside its chunk
};

/// llama.cpp's llama-server of November 2025 (tools/server/server.cpp, update_slots; read at
/// ggml-org/llama.cpp@aa6192d): a fixed number of slots, each with room for the longest sequence; a
/// step is one llama_decode: a token of each slot that generates, then prompts in the order of the
/// slots. A slot keeps its last sequence. Nothing is preempted.
struct LlamaCppBatching {
  double similarity = 0.1;  ///< --slot-prompt-similarity: the share of a prompt that a slot has to
                            ///< have for it to be chosen for that
};

/// TGI 2.3, backend v3 (backends/v3/src: backend.rs, read at
/// huggingface/text-generation-inference@1d0847a; queue.rs at b3760df): whole prompts in steps of
/// their own pause decoding, once enough wait or have waited long; blocks for the whole answer are
/// reserved. (From 3.0 on prompts are chunked beside decoding sequences.)
struct TgiBatching {
  double waiting_served_ratio = 0.3;     ///< prompts that wait, to sequences that decode
  std::int64_t max_waiting_tokens = 20;  ///< after so many steps any prompt may come in
};

using Batching = std::variant<VllmV1Batching, VllmV0Batching, SarathiBatching, OrcaBatching,
                              StaticBatching, SglangBatching, LlamaCppBatching, TgiBatching>;

/// "vllm-v1", "vllm-v0", "sarathi", "orca", "static", "sglang", "llama.cpp", "tgi".
[[nodiscard]] std::string_view name_of(const Batching& batching);

/// `NAME` or `NAME:OPTION[=VALUE],...`, as "tgi:max-waiting-tokens=5"; what is not said has its
/// default. Options: vllm-v1: priority, long-prefill-tokens; vllm-v0: watermark, swap, swap-gib;
/// sarathi: watermark; sglang: lpm, conservativeness, max-prefill-tokens; llama.cpp: similarity;
/// tgi: waiting-served-ratio, max-waiting-tokens. Throws std::invalid_argument naming what is
/// allowed.
[[nodiscard]] Batching batching_named(std::string_view text);

/// The text of which batching_named() makes the same.
[[nodiscard]] std::string text_of(Batching batching);

/// Throws std::invalid_argument unless replicas that only compute prompts are modelled with it.
void require_prompt_pools(const Batching& batching);

/// Throws std::invalid_argument unless speculative decoding is modelled with it.
void require_speculation(const Batching& batching);

/// What holds for a replica's steps whatever the policy.
struct BatchLimits {
  std::int64_t max_sequences = 256;  ///< running at once
  std::int64_t step_tokens = 2048;   ///< new tokens of one step
  std::int64_t kv_blocks = 0;        ///< that sequences can have
  std::int64_t kv_block_tokens = 16;
  std::int64_t swap_blocks = 0;  ///< in host memory, for sequences that are swapped out
  bool prefix_caching = true;
  std::int64_t host_blocks = 0;  ///< of the prefix cache's tier in host memory; 0: it has none
  /// A step is scheduled when the one before it starts, so that the device need not wait.
  bool async_scheduling = false;
  Speculation speculation{};  ///< VllmV1Batching knows it; others plan one token a step
};

/// Throws std::invalid_argument naming the limit and what is allowed.
void validate(const BatchLimits& limits);

}  // namespace rigsim::workloads
