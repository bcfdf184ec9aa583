#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rigsim::workloads {

/// Block layout of one family of transformers; decides which tensors exist.
enum class ModelFamily { kLlama, kMoe, kDeepseek, kGptOss, kFalcon, kOpt, kGpt2 };

enum class AttentionKind { kStandard, kMla };  ///< kStandard covers MHA, GQA and MQA by `kv_heads`

/// Mixture of experts; dense models have none.
struct Experts {
  int count = 0;   ///< routed experts per MoE layer
  int active = 0;  ///< routed experts per token
  std::int64_t intermediate = 0;
  int shared = 0;
  int first_dense_layers = 0;
};

/// Multi-head latent attention (DeepSeek).
struct Mla {
  std::int64_t q_lora_rank = 0;  ///< 0: queries are projected directly
  std::int64_t kv_lora_rank = 0;
  std::int64_t qk_nope_head_dim = 0;
  std::int64_t qk_rope_head_dim = 0;
  std::int64_t v_head_dim = 0;
};

/// Which layers attend only within a window.
enum class WindowPattern {
  kNone,
  kAllLayers,
  kEvenLayers,   ///< layers 0, 2, ...
  kThreeOfFour,  ///< all but layers 3, 7, ...
  kFiveOfSix     ///< all but layers 5, 11, ... (Gemma 3 and 4)
};

/// A transformer by its own numbers. Counts and bytes follow from these by formula.
struct Model {
  std::string name{};  ///< catalogue name, "llama-3-70b"
  std::string hf_id{};
  ModelFamily family = ModelFamily::kLlama;
  int layers = 0;
  std::int64_t hidden = 0;
  int heads = 0;
  int kv_heads = 0;
  std::int64_t head_dim = 0;
  std::int64_t ffn_intermediate = 0;
  std::int64_t vocab = 0;
  bool tied_embeddings = false;
  bool qkv_bias = false;
  bool qk_norm = false;
  bool post_norms = false;  ///< also a norm after attention and after the FFN (Gemma 2)
  AttentionKind attention = AttentionKind::kStandard;
  std::optional<Experts> experts{};
  std::optional<Mla> mla{};
  std::int64_t sliding_window = 0;  ///< tokens; 0: none
  WindowPattern window_pattern = WindowPattern::kNone;
  std::int64_t max_context = 0;
  std::optional<std::int64_t> published_parameters{};
};

/// Throws std::invalid_argument naming model, field, value and what is allowed, unless the numbers
/// describe a transformer of `model.family`: positive sizes within sane limits, query heads a
/// multiple of KV heads, MLA and expert numbers present exactly where the family needs them.
void validate(const Model& model);

/// Whether `layer` (0-based) routes its tokens to experts.
[[nodiscard]] bool is_moe_layer(const Model& model, int layer);

/// Whether `layer` (0-based) attends only within `model.sliding_window` tokens.
[[nodiscard]] bool is_windowed_layer(const Model& model, int layer);

}  // namespace rigsim::workloads
