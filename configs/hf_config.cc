#include "configs/hf_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "configs/json_document.h"
#include "configs/yaml_reader.h"

namespace rigsim::configs {
namespace {

using workloads::Model;
using workloads::ModelFamily;
using workloads::WindowPattern;

constexpr int kMost = 1 << 24;

/// What a model type is made of where its file does not say.
struct ModelType {
  std::string_view name;
  ModelFamily family;
  bool tied = false;  ///< default of tie_word_embeddings
  bool qk_norm = false;
  bool qkv_bias = false;
  WindowPattern window = WindowPattern::kNone;  ///< of the layers, where sliding_window is given
};

/// Defaults of huggingface/transformers' configuration classes of these names (v4.55, 2025).
constexpr std::array kTypes = {
    ModelType{.name = "llama", .family = ModelFamily::kLlama},
    ModelType{
        .name = "mistral", .family = ModelFamily::kLlama, .window = WindowPattern::kAllLayers},
    ModelType{.name = "mixtral", .family = ModelFamily::kMoe, .window = WindowPattern::kAllLayers},
    ModelType{.name = "qwen2",
              .family = ModelFamily::kLlama,
              .qkv_bias = true,
              .window = WindowPattern::kAllLayers},
    ModelType{.name = "qwen3",
              .family = ModelFamily::kLlama,
              .qk_norm = true,
              .window = WindowPattern::kAllLayers},
    ModelType{.name = "qwen3_moe",
              .family = ModelFamily::kMoe,
              .qk_norm = true,
              .window = WindowPattern::kAllLayers},
    ModelType{.name = "gemma2",
              .family = ModelFamily::kLlama,
              .tied = true,
              .window = WindowPattern::kEvenLayers},
    ModelType{.name = "phi3", .family = ModelFamily::kLlama, .window = WindowPattern::kAllLayers},
    ModelType{.name = "deepseek_v2", .family = ModelFamily::kDeepseek},
    ModelType{.name = "deepseek_v3", .family = ModelFamily::kDeepseek},
    ModelType{
        .name = "gpt_oss", .family = ModelFamily::kGptOss, .window = WindowPattern::kEvenLayers},
    ModelType{.name = "falcon", .family = ModelFamily::kFalcon, .tied = true},
    ModelType{.name = "opt", .family = ModelFamily::kOpt, .tied = true},
    ModelType{.name = "gpt2", .family = ModelFamily::kGpt2, .tied = true}};

/// Reads one configuration; a null counts as left out, keys it does not know are passed over.
class ConfigReader {
 public:
  explicit ConfigReader(ObjectReader& map) : map_(map), type_(find_type()) {}

  Model read(const std::string& name) {
    Model model;
    model.name = name;
    model.family = type_.family;
    read_sizes(model);
    read_heads(model);
    model.tied_embeddings = map_.value_or("tie_word_embeddings", type_.tied);
    model.qk_norm = type_.qk_norm;
    model.qkv_bias = type_.qkv_bias;
    if (is("llama") || is("qwen3")) model.qkv_bias = map_.value_or("attention_bias", false);
    model.post_norms = is("gemma2");
    read_window(model);
    read_experts(model);
    read_mla(model);
    map_.whole().checked([&] { workloads::validate(model); });
    return model;
  }

 private:
  const ModelType& find_type() {
    const ValueReader value = map_.value("model_type");
    const auto name = value.as<std::string>();
    std::vector<std::string_view> names;
    for (const ModelType& type : kTypes) {
      if (type.name == name) return type;
      names.push_back(type.name);
    }
    value.fail(fmt::format("the model type {} is not covered; covered are {}", in_quotes(name),
                           fmt::join(names, ", ")));
  }

  [[nodiscard]] bool is(std::string_view name) const { return type_.name == name; }

  /// The number at the first of `keys` that there is.
  int number(std::initializer_list<std::string_view> keys) {
    for (const std::string_view key : keys) {
      if (map_.optional_value(key)) return map_.count(key, 0, kMost);
    }
    return map_.count(*keys.begin(), 0, kMost);
  }

  int number_or(std::initializer_list<std::string_view> keys, int otherwise) {
    for (const std::string_view key : keys) {
      if (map_.optional_value(key)) return map_.count(key, 0, kMost);
    }
    return otherwise;
  }

  void read_sizes(Model& model) {
    model.layers = number({"num_hidden_layers", "n_layer"});
    model.hidden = number({"hidden_size", "n_embd"});
    model.vocab = number({"vocab_size"});
    model.max_context =
        number_or({"max_position_embeddings", "n_positions", "n_ctx"}, is("falcon") ? 2048 : 0);
    if (is("falcon") || is("gpt2")) {
      model.ffn_intermediate =
          number_or({"ffn_hidden_size", "n_inner"},
                    static_cast<int>(std::min<std::int64_t>(4 * model.hidden, kMost)));
    } else {
      model.ffn_intermediate = number({is("opt") ? "ffn_dim" : "intermediate_size"});
    }
    const int projected = number_or({"word_embed_proj_dim"}, static_cast<int>(model.hidden));
    if (projected != model.hidden)
      map_.value("word_embed_proj_dim")
          .fail("a word_embed_proj_dim other than hidden_size is not covered");
  }

  void read_heads(Model& model) {
    model.heads = number({"num_attention_heads", "n_head"});
    model.kv_heads = kv_heads(model.heads);
    const int head_dim = number_or({"head_dim"}, 0);
    if (head_dim > 0) {
      model.head_dim = head_dim;
    } else if (model.heads > 0 && model.hidden % model.heads == 0) {
      model.head_dim = model.hidden / model.heads;
    } else if (type_.family != ModelFamily::kDeepseek) {
      map_.whole().fail(fmt::format("head_dim is missing and {} heads do not divide hidden_size {}",
                                    model.heads, model.hidden));
    }
  }

  int kv_heads(int heads) {
    if (!is("falcon")) return number_or({"num_key_value_heads"}, heads);
    if (map_.value_or("new_decoder_architecture", false))
      return number_or({"num_kv_heads", "n_head_kv"}, heads);
    return map_.value_or("multi_query", true) ? 1 : heads;
  }

  void read_window(Model& model) {
    const int window = number_or({"sliding_window"}, 0);
    if (window == 0 || type_.window == WindowPattern::kNone) return;
    if (type_.name.starts_with("qwen") && !map_.value_or("use_sliding_window", false)) return;
    const int first = type_.name.starts_with("qwen") ? number_or({"max_window_layers"}, 0) : 0;
    if (first >= model.layers) return;
    if (first > 0)
      map_.value("max_window_layers").fail("windows in some of the layers only are not covered");
    model.sliding_window = window;
    model.window_pattern = type_.window;
  }

  void read_experts(Model& model) {
    const bool mixture = type_.family == ModelFamily::kMoe ||
                         type_.family == ModelFamily::kDeepseek ||
                         type_.family == ModelFamily::kGptOss;
    if (!mixture) return;
    require("decoder_sparse_step", 1);
    require("moe_layer_freq", 1);
    if (const auto dense = map_.optional_value("mlp_only_layers")) {
      if (!dense->items().empty()) dense->fail("dense layers among the experts' are not covered");
    }
    workloads::Experts experts;
    experts.count = number({"n_routed_experts", "num_local_experts", "num_experts"});
    experts.active = number({"num_experts_per_tok", "experts_per_token"});
    experts.intermediate =
        number_or({"moe_intermediate_size"}, static_cast<int>(model.ffn_intermediate));
    experts.shared = number_or({"n_shared_experts"}, 0);
    experts.first_dense_layers = number_or({"first_k_dense_replace"}, 0);
    model.experts = experts;
  }

  void require(std::string_view key, int only) {
    const int value = number_or({key}, only);
    if (value != only) map_.value(key).fail(fmt::format("only {} is covered, got {}", only, value));
  }

  void read_mla(Model& model) {
    if (type_.family != ModelFamily::kDeepseek) return;
    workloads::Mla mla;
    mla.q_lora_rank = number_or({"q_lora_rank"}, 0);
    mla.kv_lora_rank = number({"kv_lora_rank"});
    mla.qk_nope_head_dim = number({"qk_nope_head_dim"});
    mla.qk_rope_head_dim = number({"qk_rope_head_dim"});
    mla.v_head_dim = number({"v_head_dim"});
    model.head_dim = mla.qk_nope_head_dim + mla.qk_rope_head_dim;
    model.mla = mla;
    model.attention = workloads::AttentionKind::kMla;
  }

  ObjectReader& map_;
  const ModelType& type_;
};

std::optional<std::string> quantised_as(const ValueReader& value) {
  ObjectReader map = value.object();
  const auto method = map.value_or<std::string>("quant_method", {});
  const int bits = map.count_or("bits", 4, 0, 64);
  if (method == "awq" && bits == 4) return "AWQ-4bit-g128";
  if (method == "gptq" && (bits == 3 || bits == 4)) return fmt::format("GPTQ-{}bit-g128", bits);
  if (method == "mxfp4") return "MXFP4";
  if (method == "fp8")
    return map.has("weight_block_size") ? "FP8-E4M3-block128" : "FP8-E4M3-tensor";
  if (method == "bitsandbytes") {
    if (map.value_or("load_in_8bit", false)) return "bnb-INT8";
    const bool nested = map.value_or("bnb_4bit_use_double_quant", false);
    const bool nf4 = map.value_or<std::string>("bnb_4bit_quant_type", "fp4") == "nf4";
    return nf4 ? (nested ? "bnb-NF4-DQ" : "bnb-NF4") : "bnb-FP4";
  }
  return std::nullopt;
}

std::optional<std::string> stored_as(ObjectReader& map) {
  const auto quantisation = map.optional_value("quantization_config");
  if (quantisation && quantisation->is_map()) return quantised_as(*quantisation);
  auto dtype = map.optional_value("torch_dtype");
  if (!dtype) dtype = map.optional_value("dtype");
  if (!dtype || !dtype->is_scalar()) return std::nullopt;
  const std::string& name = dtype->node().scalar;
  if (name == "bfloat16") return "BF16";
  if (name == "float16") return "F16";
  if (name == "float32") return "F32";
  return std::nullopt;
}

/// The part of a multimodal configuration that describes the language model.
ValueReader text_part(const ValueReader& root) {
  const YamlNode* text = root.node().find("text_config");
  const bool nested =
      text != nullptr && text->kind == YamlKind::kMap && root.node().find("hidden_size") == nullptr;
  return nested ? ValueReader(*text, root.file(), "text_config") : root;
}

}  // namespace

ModelFile parse_hf_config(std::string_view text, const std::string& file, const std::string& name) {
  const YamlDocument document = parse_json(text, file);
  const ValueReader root(document);
  ObjectReader whole = root.object();
  ObjectReader map = text_part(root).object();
  ModelFile out;
  out.model = ConfigReader(map).read(name);
  const auto id = whole.optional_value("_name_or_path");
  if (id && id->is_scalar() && id->node().scalar.find('/') != std::string::npos)
    out.model.hf_id = id->node().scalar;
  out.weights_format = stored_as(whole);
  if (!out.weights_format) out.weights_format = stored_as(map);
  return out;
}

}  // namespace rigsim::configs
