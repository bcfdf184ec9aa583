#pragma once

#include <cstdint>
#include <optional>

#include "sim/units.h"

namespace rigsim::workloads {

/// What an inference engine adds to weights and KV cache, as plain numbers. The defaults are
/// llama.cpp's without flash attention (b2824, May 2024): n_ubatch 512, F32 activations, scores
/// held in full, inputs kept four times when devices are pipelined (GGML_SCHED_MAX_COPIES),
/// contexts in units of 32 tokens.
struct EngineMemory {
  /// Held on each GPU by driver, context and libraries: 0.3 to 0.7 GiB seen with CUDA 12.
  sim::Bytes runtime_gpu{std::int64_t{512} << 20};
  /// The same where a device shares the host's memory (Apple, CPU): command buffers, next to
  /// nothing.
  sim::Bytes runtime_unified{std::int64_t{32} << 20};
  std::int64_t micro_batch_tokens = 512;  ///< tokens that go through the layers at once, at most
  std::int64_t activation_bytes = 4;      ///< per number of an activation
  std::int64_t live_ffn_tensors = 2;      ///< FFN-wide activations alive at once: gate and up
  bool attention_scores =
      true;                     ///< F32 scores of all heads against the whole context exist at once
  std::int64_t mask_bytes = 4;  ///< per token of the micro-batch and of the context; 0: no mask
  std::int64_t logits_bytes = 4;  ///< per vocabulary entry
  std::optional<std::int64_t>
      logits_rows{};  ///< rows of logits at once; none: one for each token of the micro-batch
  /// Bytes per weight of the copy that a quantised matrix is unpacked into before a large
  /// multiplication on a GPU; 0: kernels read the packed form. (2: F16 for cuBLAS.)
  std::int64_t unpacked_weight_bytes = 2;
  std::int64_t pipeline_copies = 4;  ///< of a stage's inputs, where there are several stages
  bool embedding_on_host =
      true;  ///< the token embedding of a discrete GPU's model stays in host memory
  bool offloads_layers = true;  ///< can leave layers to the host
  bool windows = false;         ///< windowed layers cache only their window
  std::int64_t kv_block_tokens =
      32;  ///< each sequence's cache is allocated in blocks of so many tokens
  /// The share of a device's memory the engine takes, all told (vLLM's gpu_memory_utilization);
  /// none: all of it.
  std::optional<double> memory_fraction{};
  /// The share of what weights, activations and runtime leave that becomes KV cache (TensorRT-LLM's
  /// kv_cache_free_gpu_mem_fraction); none: all of it.
  std::optional<double> kv_share_of_free{};
};

/// Throws std::invalid_argument naming the number and what is allowed: sizes >= 0, micro-batch and
/// KV block >= 1, memory_fraction and kv_share_of_free in (0, 1].
void validate(const EngineMemory& engine);

}  // namespace rigsim::workloads
