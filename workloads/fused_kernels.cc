#include "workloads/fused_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "workloads/attention_shape.h"
#include "workloads/expert_kernels.h"
#include "workloads/weight_roles.h"
#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

constexpr double kHalf = 2;  // activations are 16-bit

/// Collects the kernels of one layer on one of `tensor_parallel` devices.
class Builder {
 public:
  Builder(const Model& model, int layer, const BackendProfile& backend, std::int64_t tokens,
          int tensor_parallel)
      : model_(model),
        layer_(layer),
        gemm_launches_(1 + backend.gemm_extra_launches),
        tokens_(tokens),
        share_(1.0 / tensor_parallel) {}

  void elementwise(std::string_view name, double width, double passes) {
    elementwise(name, width, passes, tokens_);
  }
  void elementwise(std::string_view name, double width, double passes, std::int64_t tokens) {
    Kernel kernel = base(KernelKind::kElementwise, name);
    kernel.tokens = tokens;
    kernel.working_set_bytes = static_cast<double>(tokens) * width * kHalf;
    kernel.traffic_bytes = kernel.working_set_bytes * passes;
    kernels_.push_back(kernel);
  }

  /// One product with the matrices of `weights` that `wanted` picks, side by side.
  template <class Predicate>
  void fused(std::string_view name, const std::vector<StoredTensor>& weights, Predicate wanted) {
    Kernel kernel = base(KernelKind::kGemm, name);
    kernel.launches = gemm_launches_;
    double outputs = 0;
    double inputs = 0;
    bool routed = false;
    for (const auto& w : weights) {
      if (!wanted(w.tensor.role)) continue;
      outputs += add(kernel, w);
      inputs = std::max(inputs, static_cast<double>(w.tensor.cols));
      routed = routed || is_routed_expert(w.tensor.role);
    }
    if (kernel.weight_bytes <= 0) return;
    kernel.outputs = static_cast<std::int64_t>(outputs);
    kernel.traffic_bytes += static_cast<double>(tokens_) * inputs * kHalf;
    if (!routed) kernel.inputs = inputs_of_dense(kernel, outputs);
    kernels_.push_back(kernel);
  }

  void push(const Kernel& kernel) { kernels_.push_back(kernel); }
  [[nodiscard]] Kernel base(KernelKind kind, std::string_view name) const {
    Kernel kernel;
    kernel.kind = kind;
    kernel.name = name;
    kernel.layer = layer_;
    kernel.tokens = tokens_;
    return kernel;
  }
  [[nodiscard]] double share() const { return share_; }
  [[nodiscard]] std::vector<Kernel> take() { return std::move(kernels_); }

 private:
  /// Adds this device's share of `w` to `kernel`; returns the output columns it adds.
  [[nodiscard]] double add(Kernel& kernel, const StoredTensor& w) const {
    double read = 1;
    double used = 1;
    if (is_routed_expert(w.tensor.role) && model_.experts) {
      read = touched_experts(*model_.experts, tokens_) / model_.experts->count;
      used = static_cast<double>(model_.experts->active) / model_.experts->count;
    }
    const double weights = static_cast<double>(w.tensor.weights()) * share_;
    const double outputs =
        static_cast<double>(w.tensor.rows) * (sums_partial(w.tensor.role) ? 1.0 : share_);
    kernel.weight_bytes += static_cast<double>(w.bytes.count()) * share_ * read;
    kernel.flops += 2.0 * static_cast<double>(tokens_) * weights * used;
    kernel.traffic_bytes += static_cast<double>(tokens_) * outputs * kHalf;
    return outputs;
  }

  /// Products behind a sharded input: each device holds a share of the input columns and all
  /// outputs, and the all-reduce adds the partial sums (Megatron-LM's row-parallel layer).
  [[nodiscard]] static bool sums_partial(TensorRole role) {
    return role == TensorRole::kAttnOutput || is_ffn_output(role);
  }

  /// The inputs of a product whose weights are all 16-bit; 0 for any other.
  [[nodiscard]] std::int64_t inputs_of_dense(const Kernel& kernel, double outputs) const {
    const double tokens = static_cast<double>(tokens_);
    const double weights = kernel.flops / (2 * tokens);
    const bool dense = std::abs(kernel.weight_bytes - kHalf * weights) < 1;
    return dense ? std::llround(weights / outputs) : 0;
  }

  const Model& model_;
  int layer_;
  int gemm_launches_;
  std::int64_t tokens_;
  double share_;
  std::vector<Kernel> kernels_;
};

/// Tokens of a norm on this device: its share where activations are divided by token.
std::int64_t norm_tokens(const PassShape& shape) {
  return shape.sequence_parallel ? divide_up(shape.tokens, shape.tensor_parallel) : shape.tokens;
}

}  // namespace

Kernel fused_prompt_attention(const Model& model, int layer, const PassShape& shape,
                              const EngineProfile& engine) {
  const AttentionShape a = attention_shape(model, layer, shape, engine);
  const double per_sequence =
      static_cast<double>(shape.tokens) / static_cast<double>(shape.sequences);
  Kernel kernel;
  kernel.kind = KernelKind::kAttentionGemm;
  kernel.name = "attention";
  kernel.layer = layer;
  kernel.tokens = shape.tokens;
  kernel.flops =
      4 * a.query_width * static_cast<double>(shape.tokens) * (a.kv_tokens - per_sequence / 2);
  kernel.traffic_bytes = a.kv_row_bytes * a.kv_tokens * static_cast<double>(shape.sequences);
  kernel.working_set_bytes = kernel.traffic_bytes;
  kernel.attention = attention_work(model, a, shape);
  return kernel;
}

std::vector<Kernel> fused_layer_kernels(const Model& model,
                                        const std::vector<StoredTensor>& weights, int layer,
                                        const PassShape& shape, const EngineProfile& engine,
                                        const BackendProfile& backend) {
  Builder builder(model, layer, backend, shape.tokens, shape.tensor_parallel);
  const double hidden = static_cast<double>(model.hidden);
  const double qkv =
      static_cast<double>((model.heads + 2 * model.kv_heads) * model.head_dim) * builder.share();
  builder.elementwise("attn_norm", hidden, 4, norm_tokens(shape));
  builder.fused("attn_qkv", weights, is_attention_input);
  builder.elementwise("rope_and_kv_store", qkv, 2);
  builder.push(is_decode(shape) ? decode_attention(model, layer, shape, engine)
                                : fused_prompt_attention(model, layer, shape, engine));
  builder.fused("attn_output", weights,
                [](TensorRole role) { return role == TensorRole::kAttnOutput; });
  builder.elementwise("ffn_norm", hidden, 4, norm_tokens(shape));
  if (shape.expert_parallel > 1 && is_moe_layer(model, layer)) {
    for (const Kernel& kernel : expert_kernels(model, weights, layer, shape, backend))
      builder.push(kernel);
    return builder.take();
  }
  builder.fused("ffn_gate_up", weights, is_ffn_input);
  builder.elementwise("ffn_activation",
                      static_cast<double>(model.ffn_intermediate) * builder.share(), 3);
  builder.fused("ffn_down", weights, is_ffn_output);
  return builder.take();
}

std::vector<Kernel> fused_head_kernels(const Model& model, const std::vector<StoredTensor>& head,
                                       const PassShape& shape, const BackendProfile& backend) {
  Builder builder(model, -1, backend, shape.logits, shape.tensor_parallel);
  builder.elementwise("output_norm", static_cast<double>(model.hidden), 4);
  builder.fused("output", head, [](TensorRole role) {
    return role == TensorRole::kOutput || role == TensorRole::kTokenEmbedding;
  });
  return builder.take();
}

}  // namespace rigsim::workloads
