#include "workloads/ggml_kernels.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "workloads/attention_shape.h"
#include "workloads/weight_roles.h"
#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

constexpr double kFloat = 4;  // ggml keeps activations in 32 bit
constexpr double kHalf = 2;

bool is_block_format(TensorType type) { return info(type).block_weights > 1; }

/// Builds the kernel list of one layer or of the head.
class Builder {
 public:
  Builder(int layer, std::int64_t tokens, const BackendProfile& backend,
          const topology::Device& device)
      : layer_(layer), tokens_(tokens), backend_(backend) {
    const auto& single = backend.single_launch_gemm_families;
    const bool exempt =
        std::find(single.begin(), single.end(), kernel_family(device)) != single.end();
    extra_gemm_launches_ = exempt ? 0 : backend.gemm_extra_launches;
  }

  /// A kernel that only moves `passes` times a [tokens x width] tensor of 32-bit values.
  void elementwise(std::string_view name, double width, double passes, int launches = 1) {
    Kernel kernel = base(KernelKind::kElementwise, name, launches);
    kernel.working_set_bytes = static_cast<double>(tokens_) * width * kFloat;
    kernel.traffic_bytes = kernel.working_set_bytes * passes;
    kernels_.push_back(kernel);
  }

  /// A product with all of a tensor's matrices: one of a dense layer, one per head of MLA.
  void matrix(const StoredTensor& weights) {
    const double count = static_cast<double>(weights.tensor.count);
    product(weights, {count, count, 1});
  }

  /// A product with the routed experts' matrices, one expert after another or all in one kernel.
  void routed(const StoredTensor& weights, const Experts& experts) {
    const double touched = touched_experts(experts, tokens_);
    const int products = static_cast<int>(std::lround(std::ceil(touched - kWhole)));
    product(weights, {touched, static_cast<double>(experts.active),
                      backend_.grouped_experts ? 1 : products});
  }

  void push(const Kernel& kernel) { kernels_.push_back(kernel); }
  [[nodiscard]] Kernel base(KernelKind kind, std::string_view name, int launches) const {
    Kernel kernel;
    kernel.kind = kind;
    kernel.name = name;
    kernel.layer = layer_;
    kernel.launches = launches;
    kernel.tokens = tokens_;
    return kernel;
  }
  [[nodiscard]] std::vector<Kernel> take() { return std::move(kernels_); }

 private:
  static constexpr double kWhole = 1e-9;  // a whole number of experts, but for rounding

  /// How many of a tensor's `count` equal matrices a product uses.
  struct Use {
    double read;    ///< by any token
    double active;  ///< by each token
    int launches;   ///< separate products
  };

  void product(const StoredTensor& weights, const Use& use) {
    if (tokens_ > kMatVecTokens) {
      gemm(weights, use);
      return;
    }
    Kernel kernel = base(KernelKind::kMatVec, to_string(weights.tensor.role), 2 * use.launches);
    kernel.weight_bytes = read_bytes(weights, use);
    kernel.flops = flops(weights, use);
    kernel.quantized = is_block_format(weights.type);
    kernels_.push_back(kernel);
  }

  [[nodiscard]] static double read_bytes(const StoredTensor& weights, const Use& use) {
    return static_cast<double>(weights.bytes.count()) * use.read /
           static_cast<double>(weights.tensor.count);
  }

  [[nodiscard]] double flops(const StoredTensor& weights, const Use& use) const {
    return 2.0 * static_cast<double>(tokens_ * weights.tensor.rows * weights.tensor.cols) *
           use.active;
  }

  /// Dequantise, convert the activation to 16 bit, multiply, convert the result back.
  void gemm(const StoredTensor& weights, const Use& use) {
    const double rows = static_cast<double>(weights.tensor.rows) * use.active;
    const double cols = static_cast<double>(weights.tensor.cols) * use.active;
    const double half_bytes =
        static_cast<double>(weights.tensor.rows * weights.tensor.cols) * use.read * kHalf;
    const bool quantized = is_block_format(weights.type) && backend_.dequantize_for_gemm;
    if (quantized) {
      Kernel expand = base(KernelKind::kDequantize, "dequantize", use.launches);
      expand.weight_bytes = read_bytes(weights, use);
      expand.working_set_bytes = half_bytes;
      expand.traffic_bytes = half_bytes;
      kernels_.push_back(expand);
    }
    Kernel product = base(KernelKind::kGemm, to_string(weights.tensor.role),
                          use.launches * (1 + extra_gemm_launches_));
    product.flops = flops(weights, use) * padding(weights, use);
    product.weight_bytes = quantized ? half_bytes : read_bytes(weights, use);
    product.tokens = rows_per_product(weights, use);
    product.outputs = weights.tensor.rows;
    product.traffic_bytes = static_cast<double>(tokens_) * (rows + cols) * kHalf;
    constexpr double kConversion = (kFloat + kHalf) / kFloat;
    if (backend_.convert_activations) elementwise("convert_input", cols, kConversion, use.launches);
    kernels_.push_back(product);
    if (backend_.convert_activations)
      elementwise("convert_output", rows, kConversion, use.launches);
  }

  /// Activation rows that one matrix is multiplied with: tokens that share experts are few each.
  [[nodiscard]] std::int64_t rows_per_product(const StoredTensor& weights, const Use& use) const {
    if (!is_routed_expert(weights.tensor.role)) return tokens_;
    if (backend_.grouped_experts)
      return std::llround(static_cast<double>(tokens_) * use.active);  // side by side
    return std::llround(std::ceil(static_cast<double>(tokens_) * use.active / use.read - kWhole));
  }

  /// What grouped experts compute of what they need: whole tiles of up to 128 tokens, as wide as
  /// all tokens would fill, for each expert (ggml-cuda/mmq.cuh, mul_mat_q_case: ncols_max).
  [[nodiscard]] double padding(const StoredTensor& weights, const Use& use) const {
    if (!backend_.grouped_experts || !is_routed_expert(weights.tensor.role)) return 1;
    const double tile = std::min(128.0, static_cast<double>(tokens_));
    const double rows = static_cast<double>(tokens_) * use.active / use.read;
    return std::ceil(rows / tile - kWhole) * tile / rows;
  }

  int layer_;
  std::int64_t tokens_;
  const BackendProfile& backend_;
  int extra_gemm_launches_ = 0;
  std::vector<Kernel> kernels_;
};

/// One of `ranks` equal parts of a layer's or the head's weights, as llama.cpp's tensor split cuts
/// them: by inputs what follows attention or activation, by outputs the rest; routers and vectors
/// are whole.
std::vector<StoredTensor> share_of(std::vector<StoredTensor> weights, int ranks) {
  if (ranks == 1) return weights;
  for (StoredTensor& w : weights) {
    const TensorRole role = w.tensor.role;
    if (w.tensor.rows == 1 || role == TensorRole::kRouter) continue;
    const bool by_inputs = role == TensorRole::kAttnOutput || is_ffn_output(role);
    std::int64_t& cut = by_inputs ? w.tensor.cols : w.tensor.rows;
    cut = divide_up(cut, ranks);
    w.bytes = sim::Bytes(divide_up(w.bytes.count(), ranks));
  }
  return weights;
}

/// Scores, softmax and values. Short passes: three small kernels; long ones: two batched GEMMs
/// around a softmax.
void attention(Builder& builder, const Model& model, int layer, const PassShape& shape,
               const EngineProfile& engine, const BackendProfile& backend) {
  if (is_decode(shape)) {
    builder.push(decode_attention(model, layer, shape, engine));
    return;
  }
  const AttentionShape a = attention_shape(model, layer, shape, engine);
  const double scores = a.query_heads * static_cast<double>(shape.tokens) * a.kv_tokens;
  const double flops = 4 * a.query_width * static_cast<double>(shape.tokens) * a.kv_tokens;
  for (const auto* name : {"attn_scores", "attn_values"}) {
    // Convert, gather pointers, multiply, convert back.
    Kernel product = builder.base(KernelKind::kAttentionGemm, name, 4);
    product.flops = flops / 2;
    builder.push(product);
  }
  if (engine.flash_attention) return;
  Kernel softmax = builder.base(KernelKind::kElementwise, "softmax", 1);
  softmax.working_set_bytes = scores * kFloat;
  softmax.traffic_bytes = scores * backend.scores_bytes;
  builder.push(softmax);
}

void attention_block(Builder& builder, const Model& model, const std::vector<StoredTensor>& weights,
                     int layer, const PassShape& shape, const EngineProfile& engine,
                     const BackendProfile& backend) {
  const double hidden = static_cast<double>(model.hidden);
  const double kv = static_cast<double>(model.kv_heads * model.head_dim) / shape.tensor_parallel;
  const double query = static_cast<double>(model.heads * model.head_dim) / shape.tensor_parallel;
  builder.elementwise("attn_norm", hidden, 4, 2);
  for (const auto& w : weights) {
    if (is_attention_input(w.tensor.role)) builder.matrix(w);
  }
  builder.elementwise("rope", query + kv, 2, 2);
  builder.elementwise("kv_store", kv, 3, 2);
  attention(builder, model, layer, shape, engine, backend);
  builder.elementwise("attn_merge", hidden, 2, 1);
  for (const auto& w : weights) {
    if (w.tensor.role == TensorRole::kAttnOutput) builder.matrix(w);
  }
  builder.elementwise("attn_residual", hidden, 3, 1);
}

double ffn_width(const std::vector<StoredTensor>& weights, const Model& model) {
  double width = 0;
  for (const auto& w : weights) {
    if (w.tensor.role == TensorRole::kFfnUp || w.tensor.role == TensorRole::kSharedUp) {
      width += static_cast<double>(w.tensor.rows);
    }
    if (w.tensor.role == TensorRole::kExpertUp && model.experts) {
      width += static_cast<double>(w.tensor.rows * model.experts->active);
    }
  }
  return width;
}

template <class Predicate>
void ffn_matrices(Builder& builder, const Model& model, const std::vector<StoredTensor>& weights,
                  Predicate wanted) {
  for (const auto& w : weights) {
    if (!wanted(w.tensor.role)) continue;
    if (is_routed_expert(w.tensor.role)) {
      builder.routed(w, *model.experts);
    } else {
      builder.matrix(w);
    }
  }
}

void ffn_block(Builder& builder, const Model& model, const std::vector<StoredTensor>& weights) {
  const double hidden = static_cast<double>(model.hidden);
  builder.elementwise("ffn_norm", hidden, 4, 2);
  ffn_matrices(builder, model, weights, is_ffn_input);
  builder.elementwise("ffn_activation", ffn_width(weights, model), 5, 2);
  ffn_matrices(builder, model, weights, is_ffn_output);
  builder.elementwise("ffn_residual", hidden, 3, 1);
}

}  // namespace

std::vector<Kernel> ggml_layer_kernels(const Model& model, const std::vector<StoredTensor>& weights,
                                       int layer, const PassShape& shape,
                                       const EngineProfile& engine, const BackendProfile& backend,
                                       const topology::Device& device) {
  Builder builder(layer, shape.tokens, backend, device);
  const std::vector<StoredTensor> share = share_of(weights, shape.tensor_parallel);
  attention_block(builder, model, share, layer, shape, engine, backend);
  ffn_block(builder, model, share);
  return builder.take();
}

std::vector<Kernel> ggml_head_kernels(const Model& model, const std::vector<StoredTensor>& head,
                                      const PassShape& shape, const BackendProfile& backend,
                                      const topology::Device& device) {
  Builder builder(-1, shape.logits, backend, device);
  builder.elementwise("output_norm", static_cast<double>(model.hidden), 4, 2);
  for (const auto& w : share_of(head, shape.tensor_parallel)) {
    if (w.tensor.role == TensorRole::kOutput || w.tensor.role == TensorRole::kTokenEmbedding)
      builder.matrix(w);
  }
  return builder.take();
}

}  // namespace rigsim::workloads
