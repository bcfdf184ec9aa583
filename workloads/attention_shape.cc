#include "workloads/attention_shape.h"

#include <algorithm>
#include <cmath>

namespace rigsim::workloads {

AttentionShape attention_shape(const Model& model, int layer, const PassShape& shape,
                               const EngineProfile& engine) {
  const std::int64_t padding = engine.kv_padding;
  std::int64_t tokens = (shape.context + padding - 1) / padding * padding;
  if (engine.memory.windows && is_windowed_layer(model, layer))
    tokens = std::min(tokens, model.sliding_window - 1 + shape.tokens / shape.sequences);
  const double tp = shape.tensor_parallel;
  AttentionShape attention;
  attention.query_heads = model.heads / tp;
  attention.kv_tokens = static_cast<double>(tokens);
  if (model.attention == AttentionKind::kMla && model.mla) {
    const auto& mla = *model.mla;
    const double row = static_cast<double>(mla.kv_lora_rank + mla.qk_rope_head_dim);
    attention.kv_row_bytes = row * shape.kv_bytes_per_element;
    attention.query_width =
        attention.query_heads * (row + static_cast<double>(mla.kv_lora_rank)) / 2;
  } else {
    const double kv_heads = std::max(1.0, model.kv_heads / tp);
    const double size = static_cast<double>(model.head_dim);
    attention.kv_row_bytes = 2 * kv_heads * size * shape.kv_bytes_per_element;
    attention.query_width = attention.query_heads * size;
  }
  return attention;
}

AttentionWork attention_work(const Model& model, const AttentionShape& attention,
                             const PassShape& shape) {
  constexpr double kSixteenBit = 2;
  const bool even =
      model.heads % shape.tensor_parallel == 0 &&
      (model.kv_heads % shape.tensor_parallel == 0 || shape.tensor_parallel % model.kv_heads == 0);
  AttentionWork work;
  if (!even || model.attention == AttentionKind::kMla ||
      shape.kv_bytes_per_element != kSixteenBit) {
    return work;
  }
  work.query_heads = model.heads / shape.tensor_parallel;
  work.kv_heads = std::max(1, model.kv_heads / shape.tensor_parallel);
  work.head_dim = model.head_dim;
  work.sequences = shape.sequences;
  work.kv_tokens = attention.kv_tokens;
  return work;
}

bool is_decode(const PassShape& shape) { return shape.tokens <= kMatVecTokens * shape.sequences; }

Kernel decode_attention(const Model& model, int layer, const PassShape& shape,
                        const EngineProfile& engine) {
  const bool fused = engine.style == KernelStyle::kFused;
  const AttentionShape a = attention_shape(model, layer, shape, engine);
  const double new_tokens = static_cast<double>(shape.tokens);
  Kernel kernel;
  kernel.kind = KernelKind::kAttentionDecode;
  kernel.name = "attention";
  kernel.layer = layer;
  kernel.launches = fused ? 1 : 3;
  kernel.tokens = shape.tokens;
  kernel.traffic_bytes = a.kv_row_bytes * a.kv_tokens * static_cast<double>(shape.sequences);
  kernel.head_tokens = a.query_heads * a.kv_tokens * new_tokens;
  kernel.flops = 4 * a.query_width * a.kv_tokens * new_tokens;
  kernel.attention = attention_work(model, a, shape);
  return kernel;
}

double touched_experts(const Experts& experts, std::int64_t tokens) {
  const double count = experts.count;
  const double miss = 1.0 - experts.active / count;
  return count * (1.0 - std::pow(miss, static_cast<double>(tokens)));
}

}  // namespace rigsim::workloads
