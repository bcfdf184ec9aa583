#pragma once

#include "workloads/forward_pass.h"

namespace rigsim::workloads {

/// What attention of one layer works on.
struct AttentionShape {
  double query_heads = 0;   ///< on this device
  double kv_tokens = 0;     ///< per sequence, after window and padding
  double kv_row_bytes = 0;  ///< K and V of one token on this device
  double query_width =
      0;  ///< query heads x (key size + value size) / 2: multiplies-adds per score pair
};

/// Resolves window, padding, MLA and tensor-parallel sharding for `layer`.
/// KV heads are replicated when there are fewer of them than devices. An engine that caches
/// windowed layers in full (EngineMemory::windows) works on all of it, too, and masks what lies
/// outside.
[[nodiscard]] AttentionShape attention_shape(const Model& model, int layer, const PassShape& shape,
                                             const EngineProfile& engine);

/// `attention` in a table's terms: heads and tokens, where queries and cache are 16-bit, all heads
/// alike (no MLA), and split evenly.
[[nodiscard]] AttentionWork attention_work(const Model& model, const AttentionShape& attention,
                                           const PassShape& shape);

/// Attention of a pass of a few new tokens per sequence over the context: the only kernel of a
/// decode step that the context changes. Three launches in ggml (scores, softmax, values), one
/// where the engine fuses them.
[[nodiscard]] Kernel decode_attention(const Model& model, int layer, const PassShape& shape,
                                      const EngineProfile& engine);

/// Whether `shape` is such a pass: at most kMatVecTokens new tokens per sequence.
[[nodiscard]] bool is_decode(const PassShape& shape);

/// Distinct routed experts that `tokens` tokens touch when each picks `active` of `count`
/// independently: count x (1 - (1 - active / count)^tokens).
[[nodiscard]] double touched_experts(const Experts& experts, std::int64_t tokens);

}  // namespace rigsim::workloads
