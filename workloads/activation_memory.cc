#include "workloads/activation_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

/// Bytes of one attention score.
constexpr std::int64_t kScoreBytes = 4;

std::int64_t query_width(const Model& model) {
  if (!model.mla) return model.heads * model.head_dim;
  return model.heads * (model.mla->qk_nope_head_dim + model.mla->qk_rope_head_dim);
}

std::int64_t mask_bytes(const EngineMemory& engine, std::int64_t cache_tokens) {
  return engine.micro_batch_tokens * cache_tokens * engine.mask_bytes;
}

std::int64_t hidden_bytes(const Model& model, const EngineMemory& engine) {
  return engine.micro_batch_tokens * model.hidden * engine.activation_bytes;
}

std::int64_t attention_bytes(const Model& model, const EngineMemory& engine,
                             const ActivationExtent& extent) {
  const std::int64_t query = divide_up(query_width(model), extent.tensor_parallel);
  const std::int64_t heads = divide_up(model.heads, extent.tensor_parallel);
  const std::int64_t tensors =
      engine.micro_batch_tokens * (2 * model.hidden + 2 * query) * engine.activation_bytes;
  const std::int64_t scores =
      engine.attention_scores
          ? engine.micro_batch_tokens * extent.cache_tokens * heads * kScoreBytes
          : 0;
  return tensors + scores + mask_bytes(engine, extent.cache_tokens);
}

/// Of a token at its routed experts.
std::int64_t routed_width(const Experts& experts, const Model& model, const EngineMemory& engine) {
  return experts.active * (engine.live_ffn_tensors * experts.intermediate + model.hidden);
}

std::int64_t ffn_width(const Model& model, const EngineMemory& engine) {
  const std::int64_t dense = engine.live_ffn_tensors * model.ffn_intermediate;
  if (!model.experts) return dense;
  const Experts& experts = *model.experts;
  const std::int64_t routed = routed_width(experts, model, engine);
  const std::int64_t shared = engine.live_ffn_tensors * experts.shared * experts.intermediate;
  return std::max(experts.first_dense_layers > 0 ? dense : 0, routed + shared + experts.count);
}

std::int64_t ffn_bytes(const Model& model, const EngineMemory& engine,
                       const ActivationExtent& extent) {
  const std::int64_t width = divide_up(ffn_width(model, engine), extent.tensor_parallel);
  const std::int64_t own =
      engine.micro_batch_tokens * (2 * model.hidden + width) * engine.activation_bytes;
  if (extent.gathering == 1 || !model.experts) return own;
  const std::int64_t all = 2 * model.hidden + routed_width(*model.experts, model, engine);
  return std::max(own, engine.micro_batch_tokens * (2 * model.hidden + extent.gathering * all) *
                           engine.activation_bytes);
}

std::int64_t head_bytes(const Model& model, const EngineMemory& engine) {
  const std::int64_t rows = engine.logits_rows.value_or(engine.micro_batch_tokens);
  return rows * model.vocab * engine.logits_bytes + hidden_bytes(model, engine);
}

std::int64_t pipeline_bytes(const Model& model, const EngineMemory& engine,
                            std::int64_t cache_tokens) {
  const std::int64_t copies = std::max<std::int64_t>(engine.pipeline_copies, 1);
  return copies * hidden_bytes(model, engine) + (copies - 1) * mask_bytes(engine, cache_tokens);
}

void require_range(const char* name, std::int64_t value, std::int64_t low) {
  if (value < low)
    throw std::invalid_argument(
        fmt::format("engine memory: {} must be >= {}, got {}", name, low, value));
}

void require_share(const char* name, std::optional<double> share) {
  if (share && !(*share > 0 && *share <= 1)) {
    throw std::invalid_argument(
        fmt::format("engine memory: {} must be above 0 and at most 1, got {}", name, *share));
  }
}

}  // namespace

void validate(const EngineMemory& engine) {
  require_range("runtime_gpu", engine.runtime_gpu.count(), 0);
  require_range("runtime_unified", engine.runtime_unified.count(), 0);
  require_range("micro_batch_tokens", engine.micro_batch_tokens, 1);
  require_range("activation_bytes", engine.activation_bytes, 1);
  require_range("live_ffn_tensors", engine.live_ffn_tensors, 0);
  require_range("mask_bytes", engine.mask_bytes, 0);
  require_range("logits_bytes", engine.logits_bytes, 0);
  require_range("logits_rows", engine.logits_rows.value_or(0), 0);
  require_range("unpacked_weight_bytes", engine.unpacked_weight_bytes, 0);
  require_range("pipeline_copies", engine.pipeline_copies, 0);
  require_range("kv_block_tokens", engine.kv_block_tokens, 1);
  require_share("memory_fraction", engine.memory_fraction);
  require_share("kv_share_of_free", engine.kv_share_of_free);
}

sim::Bytes activation_bytes(const Model& model, const EngineMemory& engine,
                            const ActivationExtent& extent) {
  std::int64_t peak = 0;
  if (extent.layers) {
    peak = std::max(attention_bytes(model, engine, extent), ffn_bytes(model, engine, extent));
  }
  if (extent.head) peak = std::max(peak, head_bytes(model, engine));
  if (peak > 0 && extent.pipelined) peak += pipeline_bytes(model, engine, extent.cache_tokens);
  return sim::Bytes(peak);
}

sim::Bytes host_input_bytes(const Model& model, const EngineMemory& engine,
                            std::int64_t cache_tokens) {
  return sim::Bytes(hidden_bytes(model, engine) + mask_bytes(engine, cache_tokens));
}

}  // namespace rigsim::workloads
