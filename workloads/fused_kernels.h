#pragma once

#include <vector>

#include "workloads/forward_pass.h"

namespace rigsim::workloads {

/// One layer as serving engines (vLLM) launch it: fused QKV and gate+up products, flash attention,
/// norms with the residual folded in. With tensor parallelism each device holds its share of heads
/// and FFN columns; the caller adds the all-reduce after "attn_output" and after the last
/// "ffn_down"-like kernel.
[[nodiscard]] std::vector<Kernel> fused_layer_kernels(const Model& model,
                                                      const std::vector<StoredTensor>& weights,
                                                      int layer, const PassShape& shape,
                                                      const EngineProfile& engine,
                                                      const BackendProfile& backend);

/// Flash attention of `shape.tokens` new tokens of a prompt over what `shape.context` says; causal:
/// a new token sees the context before the pass and, on average, half of the pass.
[[nodiscard]] Kernel fused_prompt_attention(const Model& model, int layer, const PassShape& shape,
                                            const EngineProfile& engine);

/// Final norm and head for `shape.logits` rows.
[[nodiscard]] std::vector<Kernel> fused_head_kernels(const Model& model,
                                                     const std::vector<StoredTensor>& head,
                                                     const PassShape& shape,
                                                     const BackendProfile& backend);

}  // namespace rigsim::workloads
