#include "workloads/model.h"

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>

namespace rigsim::workloads {
namespace {

/// Far above any transformer known, low enough that products of three of these fit 64 bits.
constexpr std::int64_t kLargestDimension = 1 << 20;
constexpr std::int64_t kLargestVocab = 1 << 24;

/// Names the model in each complaint about one of its numbers.
class FieldCheck {
 public:
  explicit FieldCheck(const Model& model) : model_(model) {}

  void in_range(std::string_view field, std::int64_t value, std::int64_t low,
                std::int64_t high) const {
    if (value < low || value > high) {
      throw std::invalid_argument(fmt::format("model {}: {} must be {} to {}, got {}", model_.name,
                                              field, low, high, value));
    }
  }

  void require(bool holds, std::string_view what) const {
    if (!holds) throw std::invalid_argument(fmt::format("model {}: {}", model_.name, what));
  }

 private:
  const Model& model_;
};

void validate_experts(const Experts& experts, int layers, const FieldCheck& check) {
  check.in_range("experts.count", experts.count, 2, 65536);
  check.in_range("experts.active", experts.active, 1, experts.count);
  check.in_range("experts.intermediate", experts.intermediate, 1, kLargestDimension);
  check.in_range("experts.shared", experts.shared, 0, 1024);
  check.in_range("experts.first_dense_layers", experts.first_dense_layers, 0, layers);
}

void validate_mla(const Mla& mla, const FieldCheck& check) {
  check.in_range("mla.q_lora_rank", mla.q_lora_rank, 0, kLargestDimension);
  check.in_range("mla.kv_lora_rank", mla.kv_lora_rank, 1, kLargestDimension);
  check.in_range("mla.qk_nope_head_dim", mla.qk_nope_head_dim, 1, kLargestDimension);
  check.in_range("mla.qk_rope_head_dim", mla.qk_rope_head_dim, 1, kLargestDimension);
  check.in_range("mla.v_head_dim", mla.v_head_dim, 1, kLargestDimension);
}

bool routes_to_experts(ModelFamily family) {
  return family == ModelFamily::kMoe || family == ModelFamily::kDeepseek ||
         family == ModelFamily::kGptOss;
}

bool all_layers_moe(const Model& model) {
  return model.experts && model.experts->first_dense_layers == 0;
}

}  // namespace

void validate(const Model& model) {
  const FieldCheck check(model);
  check.in_range("layers", model.layers, 1, 65536);
  check.in_range("hidden", model.hidden, 1, kLargestDimension);
  check.in_range("heads", model.heads, 1, 65536);
  check.in_range("kv_heads", model.kv_heads, 1, model.heads);
  check.in_range("head_dim", model.head_dim, 1, 65536);
  check.in_range("vocab", model.vocab, 1, kLargestVocab);
  check.in_range("ffn_intermediate", model.ffn_intermediate, all_layers_moe(model) ? 0 : 1,
                 kLargestDimension);
  check.in_range("sliding_window", model.sliding_window, 0, std::int64_t{1} << 40);
  check.in_range("max_context", model.max_context, 0, std::int64_t{1} << 40);
  if (model.heads % model.kv_heads != 0) {
    throw std::invalid_argument(
        fmt::format("model {}: heads must be a multiple of kv_heads, got {} and {}", model.name,
                    model.heads, model.kv_heads));
  }
  check.require((model.attention == AttentionKind::kMla) == model.mla.has_value(),
                "attention kind MLA needs the mla numbers, and only it may have them");
  check.require((model.family == ModelFamily::kDeepseek) == model.mla.has_value(),
                "the deepseek family attends by MLA, and no other does");
  check.require(
      routes_to_experts(model.family) == model.experts.has_value(),
      "the moe, deepseek and gpt-oss families need experts, and the others must not have them");
  check.require((model.window_pattern == WindowPattern::kNone) == (model.sliding_window == 0),
                "a window pattern and sliding_window > 0 need each other");
  if (model.experts) validate_experts(*model.experts, model.layers, check);
  if (model.mla) validate_mla(*model.mla, check);
}

bool is_moe_layer(const Model& model, int layer) {
  return model.experts && layer >= model.experts->first_dense_layers;
}

bool is_windowed_layer(const Model& model, int layer) {
  switch (model.window_pattern) {
    case WindowPattern::kNone:
      return false;
    case WindowPattern::kAllLayers:
      return true;
    case WindowPattern::kEvenLayers:
      return layer % 2 == 0;
    case WindowPattern::kThreeOfFour:
      return layer % 4 != 3;
    case WindowPattern::kFiveOfSix:
      return layer % 6 != 5;
  }
  throw std::logic_error("window pattern out of range");
}

}  // namespace rigsim::workloads
