#include "workloads/tensor.h"

#include <array>
#include <functional>
#include <numeric>
#include <utility>

namespace rigsim::workloads {
namespace {

using Role = TensorRole;

/// Collects the tensors of one model in file order.
class TensorList {
 public:
  explicit TensorList(const Model& model) : model_(model) {}

  std::vector<Tensor> build() {
    embeddings();
    for (int layer = 0; layer < model_.layers; ++layer) {
      layer_ = layer;
      attention_block();
      ffn_block();
    }
    layer_.reset();
    head();
    return std::move(list_);
  }

 private:
  void matrix(Role role, std::int64_t rows, std::int64_t cols, std::int64_t count = 1) {
    list_.push_back({role, layer_, rows, cols, count});
  }
  void vector(Role role, std::int64_t size, std::int64_t count = 1) {
    matrix(role, 1, size, count);
  }

  [[nodiscard]] bool layer_norm_has_bias() const {
    return model_.family == ModelFamily::kFalcon || model_.family == ModelFamily::kOpt ||
           model_.family == ModelFamily::kGpt2;
  }
  [[nodiscard]] bool linear_has_bias() const {
    return model_.family == ModelFamily::kOpt || model_.family == ModelFamily::kGpt2;
  }
  void norm(Role role) {
    vector(role, model_.hidden);
    if (layer_norm_has_bias()) vector(Role::kNormBias, model_.hidden);
  }

  void embeddings() {
    matrix(Role::kTokenEmbedding, model_.vocab, model_.hidden);
    // OPT's learned positions start at 2 (huggingface/transformers, OPTLearnedPositionalEmbedding).
    if (model_.family == ModelFamily::kOpt)
      matrix(Role::kPositionEmbedding, model_.max_context + 2, model_.hidden);
    if (model_.family == ModelFamily::kGpt2)
      matrix(Role::kPositionEmbedding, model_.max_context, model_.hidden);
  }

  void attention_block() {
    norm(Role::kAttnNorm);
    if (model_.mla) {
      mla_attention(*model_.mla);
    } else if (model_.family == ModelFamily::kFalcon || model_.family == ModelFamily::kGpt2) {
      fused_attention();
    } else {
      separate_attention();
    }
    if (model_.post_norms) norm(Role::kPostAttnNorm);
  }

  void separate_attention() {
    const std::int64_t q = model_.heads * model_.head_dim;
    const std::int64_t kv = model_.kv_heads * model_.head_dim;
    const bool gpt_oss = model_.family == ModelFamily::kGptOss;
    matrix(Role::kAttnQ, q, model_.hidden);
    matrix(Role::kAttnK, kv, model_.hidden);
    matrix(Role::kAttnV, kv, model_.hidden);
    if (model_.qkv_bias || gpt_oss || linear_has_bias()) {
      vector(Role::kAttnQBias, q);
      vector(Role::kAttnKBias, kv);
      vector(Role::kAttnVBias, kv);
    }
    if (model_.qk_norm) {
      vector(Role::kAttnQNorm, model_.head_dim);
      vector(Role::kAttnKNorm, model_.head_dim);
    }
    if (gpt_oss) vector(Role::kAttnSinks, model_.heads);
    matrix(Role::kAttnOutput, model_.hidden, q);
    if (gpt_oss || linear_has_bias()) vector(Role::kAttnOutputBias, model_.hidden);
  }

  void fused_attention() {
    const std::int64_t qkv = (model_.heads + 2 * model_.kv_heads) * model_.head_dim;
    matrix(Role::kAttnQkv, qkv, model_.hidden);
    if (linear_has_bias()) vector(Role::kAttnQkvBias, qkv);
    matrix(Role::kAttnOutput, model_.hidden, model_.heads * model_.head_dim);
    if (linear_has_bias()) vector(Role::kAttnOutputBias, model_.hidden);
  }

  void mla_attention(const Mla& mla) {
    const std::int64_t q = model_.heads * (mla.qk_nope_head_dim + mla.qk_rope_head_dim);
    if (mla.q_lora_rank > 0) {
      matrix(Role::kAttnQA, mla.q_lora_rank, model_.hidden);
      vector(Role::kAttnQANorm, mla.q_lora_rank);
      matrix(Role::kAttnQB, q, mla.q_lora_rank);
    } else {
      matrix(Role::kAttnQ, q, model_.hidden);
    }
    matrix(Role::kAttnKvA, mla.kv_lora_rank + mla.qk_rope_head_dim, model_.hidden);
    vector(Role::kAttnKvANorm, mla.kv_lora_rank);
    matrix(Role::kAttnKB, mla.kv_lora_rank, mla.qk_nope_head_dim, model_.heads);
    matrix(Role::kAttnVB, mla.v_head_dim, mla.kv_lora_rank, model_.heads);
    matrix(Role::kAttnOutput, model_.hidden, model_.heads * mla.v_head_dim);
  }

  void ffn_block() {
    norm(Role::kFfnNorm);
    if (is_moe_layer(model_, *layer_)) {
      experts(*model_.experts);
    } else if (layer_norm_has_bias()) {
      plain_ffn();
    } else {
      gated_ffn(Role::kFfnGate, Role::kFfnUp, Role::kFfnDown, model_.ffn_intermediate);
    }
    if (model_.post_norms) norm(Role::kPostFfnNorm);
  }

  void gated_ffn(Role gate, Role up, Role down, std::int64_t width, std::int64_t count = 1) {
    matrix(gate, width, model_.hidden, count);
    matrix(up, width, model_.hidden, count);
    matrix(down, model_.hidden, width, count);
  }

  void plain_ffn() {
    matrix(Role::kFfnUp, model_.ffn_intermediate, model_.hidden);
    if (linear_has_bias()) vector(Role::kFfnUpBias, model_.ffn_intermediate);
    matrix(Role::kFfnDown, model_.hidden, model_.ffn_intermediate);
    if (linear_has_bias()) vector(Role::kFfnDownBias, model_.hidden);
  }

  void experts(const Experts& experts) {
    const bool gpt_oss = model_.family == ModelFamily::kGptOss;
    matrix(Role::kRouter, experts.count, model_.hidden);
    // DeepSeek-V3 balances its experts by a bias on the router; V2-Lite, the one without a query
    // rank, does not.
    if (gpt_oss || (model_.mla && model_.mla->q_lora_rank > 0))
      vector(Role::kRouterBias, experts.count);
    gated_ffn(Role::kExpertGate, Role::kExpertUp, Role::kExpertDown, experts.intermediate,
              experts.count);
    if (gpt_oss) {
      vector(Role::kExpertGateBias, experts.intermediate, experts.count);
      vector(Role::kExpertUpBias, experts.intermediate, experts.count);
      vector(Role::kExpertDownBias, model_.hidden, experts.count);
    }
    if (experts.shared > 0) {
      gated_ffn(Role::kSharedGate, Role::kSharedUp, Role::kSharedDown,
                experts.shared * experts.intermediate);
    }
  }

  void head() {
    norm(Role::kOutputNorm);
    if (!model_.tied_embeddings) matrix(Role::kOutput, model_.vocab, model_.hidden);
  }

  const Model& model_;
  std::optional<int> layer_;
  std::vector<Tensor> list_;
};

/// In the order of TensorRole.
constexpr std::array kRoleNames = std::to_array<std::string_view>({"token_embedding",
                                                                   "position_embedding",
                                                                   "attn_norm",
                                                                   "attn_q",
                                                                   "attn_k",
                                                                   "attn_v",
                                                                   "attn_qkv",
                                                                   "attn_q_bias",
                                                                   "attn_k_bias",
                                                                   "attn_v_bias",
                                                                   "attn_qkv_bias",
                                                                   "attn_q_norm",
                                                                   "attn_k_norm",
                                                                   "attn_sinks",
                                                                   "attn_q_a",
                                                                   "attn_q_a_norm",
                                                                   "attn_q_b",
                                                                   "attn_kv_a",
                                                                   "attn_kv_a_norm",
                                                                   "attn_k_b",
                                                                   "attn_v_b",
                                                                   "attn_output",
                                                                   "attn_output_bias",
                                                                   "post_attn_norm",
                                                                   "ffn_norm",
                                                                   "ffn_gate",
                                                                   "ffn_up",
                                                                   "ffn_down",
                                                                   "ffn_up_bias",
                                                                   "ffn_down_bias",
                                                                   "post_ffn_norm",
                                                                   "router",
                                                                   "router_bias",
                                                                   "expert_gate",
                                                                   "expert_up",
                                                                   "expert_down",
                                                                   "expert_gate_bias",
                                                                   "expert_up_bias",
                                                                   "expert_down_bias",
                                                                   "shared_gate",
                                                                   "shared_up",
                                                                   "shared_down",
                                                                   "norm_bias",
                                                                   "output_norm",
                                                                   "output"});
static_assert(kRoleNames.size() == static_cast<std::size_t>(Role::kOutput) + 1);

}  // namespace

std::string_view to_string(TensorRole role) {
  return kRoleNames.at(static_cast<std::size_t>(role));
}

bool is_routed_expert(TensorRole role) {
  switch (role) {
    case Role::kExpertGate:
    case Role::kExpertUp:
    case Role::kExpertDown:
    case Role::kExpertGateBias:
    case Role::kExpertUpBias:
    case Role::kExpertDownBias:
      return true;
    default:
      return false;
  }
}

bool is_linear(TensorRole role) {
  switch (role) {
    case Role::kAttnQ:
    case Role::kAttnK:
    case Role::kAttnV:
    case Role::kAttnQkv:
    case Role::kAttnQA:
    case Role::kAttnQB:
    case Role::kAttnKvA:
    case Role::kAttnKB:
    case Role::kAttnVB:
    case Role::kAttnOutput:
    case Role::kFfnGate:
    case Role::kFfnUp:
    case Role::kFfnDown:
    case Role::kExpertGate:
    case Role::kExpertUp:
    case Role::kExpertDown:
    case Role::kSharedGate:
    case Role::kSharedUp:
    case Role::kSharedDown:
      return true;
    default:
      return false;
  }
}

std::vector<Tensor> tensors(const Model& model) {
  validate(model);
  return TensorList(model).build();
}

std::int64_t parameter_count(const Model& model) {
  const std::vector<Tensor> all = tensors(model);
  return std::transform_reduce(all.begin(), all.end(), std::int64_t{0}, std::plus<>(),
                               [](const Tensor& tensor) { return tensor.weights(); });
}

std::int64_t active_parameter_count(const Model& model) {
  const std::vector<Tensor> all = tensors(model);
  return std::transform_reduce(all.begin(), all.end(), std::int64_t{0}, std::plus<>(),
                               [&](const Tensor& tensor) {
                                 if (!is_routed_expert(tensor.role)) return tensor.weights();
                                 return tensor.weights() / tensor.count * model.experts->active;
                               });
}

}  // namespace rigsim::workloads
