#include "workloads/gguf_mix.h"

#include <stdexcept>

#include "workloads/gguf_mix_rules.h"

namespace rigsim::workloads {
namespace {

using T = TensorType;
using M = GgufMix;
using namespace mix_rules;

/// The mixes around 1 and 2 bits, which the quantiser treats by rules of their own.
bool is_low_bit(GgufMix mix) { return base_type(mix) >= T::kIq1_S && base_type(mix) <= T::kIq2_S; }

/// Falcon stores Q, K and V in one matrix and feeds attention and FFN in parallel; its FFN
/// tolerates less.
MixRule for_falcon(MixRule rule) {
  if (!is_low_bit(rule.mix)) rule.attn_output = rule.mix == M::kQ3_K_L ? all(T::kQ4_K) : Choice{};
  if (rule.mix == M::kQ3_K_M)
    rule.ffn_down = {Choice{Layers::kFirstSixteenth, T::kQ5_K}, more_bits(T::kQ4_K)};
  if (rule.mix == M::kQ3_K_L) rule.ffn_down = {all(T::kQ4_K)};
  if (rule.mix == M::kQ4_K_M)
    rule.ffn_down = {Choice{Layers::kFirstSixteenth, T::kQ6_K}, more_bits(T::kQ5_K)};
  if (rule.mix == M::kQ4_K_S) rule.ffn_down = {};
  return rule;
}

bool raises_attn_output_of_eight_experts(GgufMix mix) {
  switch (mix) {
    case M::kQ2_K:
    case M::kQ3_K_S:
    case M::kQ3_K_M:
    case M::kQ4_K_S:
    case M::kQ4_K_M:
    case M::kIq3_XXS:
    case M::kIq3_XS:
    case M::kIq3_S:
    case M::kIq3_M:
    case M::kIq4_NL:
    case M::kIq4_XS:
      return true;
    default:
      return is_low_bit(mix);
  }
}

/// With eight experts the attention is so small a share of the file that it is kept better
/// (Mixtral).
MixRule for_eight_experts(MixRule rule) {
  const bool low_bit = is_low_bit(rule.mix);
  if (!low_bit) rule.attn_v = {all(T::kQ8_0)};
  rule.attn_k = all(low_bit ? T::kQ4_K : T::kQ8_0);
  rule.attn_output = raises_attn_output_of_eight_experts(rule.mix) ? all(T::kQ5_K) : Choice{};
  if (rule.mix == M::kIq3_M) rule.ffn_down = {eighth(T::kQ4_K), more_bits(T::kQ4_K)};
  return rule;
}

bool has_eight_experts(const Model& model) { return model.experts && model.experts->count == 8; }

/// What the quantiser calls a 70B: 80 layers and grouped heads (Llama 2 and 3 70B, Qwen 72B).
bool is_70b_class(const Model& model) {
  return model.family == ModelFamily::kLlama && model.layers == 80 && model.kv_heads < model.heads;
}

bool made_with_matrix(GgufFile file, const Model& model) {
  if (file.importance_matrix != ImportanceMatrix::kAsPublished)
    return file.importance_matrix == ImportanceMatrix::kWith;
  if (file.mix == M::kIq3_XXS) return true;
  return (file.mix == M::kIq4_NL || file.mix == M::kIq4_XS) && is_70b_class(model);
}

/// With a matrix the i-quants need no crutches, and the oldest formats are given one.
MixRule for_importance_matrix(MixRule rule) {
  switch (rule.mix) {
    case M::kIq3_XXS:
      rule.attn_v = {wide_groups(T::kQ4_K)};
      rule.ffn_down = {};
      break;
    case M::kIq4_NL:
    case M::kIq4_XS:
      rule.ffn_down = {};
      break;
    case M::kQ4_0:
      rule.ffn_down = {eighth(T::kQ4_1)};
      break;
    case M::kQ5_0:
      rule.ffn_down = {eighth(T::kQ5_1)};
      break;
    default:
      break;
  }
  return rule;
}

MixRule rule_for(GgufFile file, const Model& model) {
  MixRule rule = mix_rule(file.mix);
  if (made_with_matrix(file, model)) rule = for_importance_matrix(rule);
  if (model.family == ModelFamily::kFalcon) return for_falcon(rule);
  if (has_eight_experts(model)) return for_eight_experts(rule);
  return rule;
}

bool covers(Layers layers, int i, int n) {
  switch (layers) {
    case Layers::kNone:
      return false;
    case Layers::kAll:
      return true;
    case Layers::kFirst2:
      return i < 2;
    case Layers::kFirst4:
      return i < 4;
    case Layers::kFirstSixteenth:
      return i < n / 16;
    case Layers::kFirstEighth:
      return i < n / 8;
    case Layers::kMoreBits:  // the first and last eighth, and every third layer between
      return i < n / 8 || i >= 7 * n / 8 || (i - n / 8) % 3 == 2;
    case Layers::kMiddle:
      return i >= n / 8 && i < 7 * n / 8;
  }
  throw std::logic_error("layer selection out of range");
}

/// Four or more query heads share one KV head, or, at the lowest bits, there are four or more
/// experts.
bool has_wide_groups(GgufMix mix, const Model& model) {
  return model.heads / model.kv_heads >= 4 ||
         (is_low_bit(mix) && model.experts && model.experts->count >= 4);
}

/// Chooses among a rule's choices for one tensor of a layer.
class Chooser {
 public:
  Chooser(const MixRule& rule, const Model& model, const Tensor& tensor)
      : base_(rule.base),
        layer_(tensor.layer.value_or(0)),
        layers_(model.layers),
        wide_groups_(has_wide_groups(rule.mix, model)) {}

  [[nodiscard]] T pick(const Choice& choice) const { return pick(Choices{choice}); }

  [[nodiscard]] T pick(const Choices& choices) const {
    for (const Choice& choice : choices) {
      if (choice.when == When::kWideGroups && !wide_groups_) continue;
      if (covers(choice.layers, layer_, layers_)) return choice.type;
    }
    return base_;
  }

 private:
  T base_;
  int layer_;
  int layers_;
  bool wide_groups_;
};

T head_type(const MixRule& rule, const Model& model, const Tensor& tensor) {
  const bool whole_blocks = tensor.cols % info(rule.base).block_weights == 0;
  return model.family == ModelFamily::kFalcon || !whole_blocks ? T::kQ8_0 : rule.output;
}

/// A 70B's attn_v is an eighth of its attn_q: more bits there cost next to nothing.
T attn_v_type(const MixRule& rule, const Model& model, T type) {
  if (is_70b_class(model) && !is_low_bit(rule.mix) && (type == T::kQ3_K || type == T::kQ4_K))
    return T::kQ5_K;
  return type;
}

T wanted_type(GgufFile file, const Model& model, const Tensor& tensor) {
  const MixRule rule = rule_for(file, model);
  const Chooser chooser(rule, model, tensor);
  switch (tensor.role) {
    case TensorRole::kOutput:
      return head_type(rule, model, tensor);
    case TensorRole::kTokenEmbedding:
      return model.tied_embeddings ? head_type(rule, model, tensor) : rule.embedding;
    case TensorRole::kAttnV:
    case TensorRole::kAttnQkv:
      return attn_v_type(rule, model, chooser.pick(rule.attn_v));
    case TensorRole::kAttnQ:
      return chooser.pick(rule.attn_q);
    case TensorRole::kAttnK:
      return chooser.pick(rule.attn_k);
    case TensorRole::kAttnOutput:
      return chooser.pick(rule.attn_output);
    case TensorRole::kFfnDown:
    case TensorRole::kExpertDown:
    case TensorRole::kSharedDown:
      return chooser.pick(rule.ffn_down);
    case TensorRole::kFfnGate:
    case TensorRole::kFfnUp:
    case TensorRole::kExpertGate:
    case TensorRole::kExpertUp:
    case TensorRole::kSharedGate:
    case TensorRole::kSharedUp:
      return chooser.pick(rule.ffn_gate_up);
    default:
      return rule.base;
  }
}

/// The type in blocks of 32 that stands in for `type` where a row is no multiple of 256.
T small_block_type(T type) {
  switch (type) {
    case T::kQ2_K:
    case T::kQ3_K:
      return T::kQ4_0;
    case T::kQ4_K:
      return T::kQ5_0;
    case T::kQ5_K:
      return T::kQ5_1;
    case T::kQ6_K:
      return T::kQ8_0;
    default:
      return info(type).block_weights == 256 ? T::kIq4_NL : type;
  }
}

T fitting_type(T type, std::int64_t cols) {
  if (cols % info(type).block_weights == 0) return type;
  const T smaller = small_block_type(type);
  return cols % info(smaller).block_weights == 0 ? smaller : T::kF16;
}

}  // namespace

std::string_view to_string(GgufMix mix) { return mix_rule(mix).name; }

TensorType base_type(GgufMix mix) { return mix_rule(mix).base; }

TensorType tensor_type(GgufFile file, const Model& model, const Tensor& tensor) {
  const bool quantised = is_linear(tensor.role) || tensor.role == TensorRole::kTokenEmbedding ||
                         tensor.role == TensorRole::kOutput;
  if (!quantised) return T::kF32;
  const TensorType base = base_type(file.mix);
  if (info(base).block_weights == 1) return base;
  return fitting_type(wanted_type(file, model, tensor), tensor.cols);
}

}  // namespace rigsim::workloads
