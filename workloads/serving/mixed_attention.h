#pragma once

#include "topology/device.h"
#include "workloads/kernel.h"
#include "workloads/model.h"

namespace rigsim::workloads {

/// Seconds of `decode`, a decode attention kernel, when it runs in one call with chunks of prompts
/// (FlashAttention 2's varlen kernel); 0 where that has no price of its own.
///
/// Alone, the query heads that share a KV head are packed and long contexts are split over the
/// device. Beside a prompt neither happens: each query head reads the cache for itself, mostly from
/// the L2. Measured (casys-kaist/LLMServingSim@5daddb2, vLLM 0.19's attention profiles): 1.68 TB/s
/// so counted on an RTX 4090, 3.4 on an RTX PRO 6000 at 4 and at 8 query heads per KV head, which
/// is 1.66 and 1.92 times their memory bandwidth, and 0.8 us per sequence; 8 to 64 sequences of 256
/// to 2,048 tokens are within 15 %. FlashAttention 3 (Hopper) packs in both cases.
[[nodiscard]] double mixed_decode_seconds(const Kernel& decode, const Model& model,
                                          double kv_bytes_per_element,
                                          const topology::Device& device);

}  // namespace rigsim::workloads
