#include "configs/model_yaml.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace rigsim::configs {
namespace {

using workloads::Experts;
using workloads::Mla;
using workloads::Model;
using workloads::ModelFamily;
using workloads::WindowPattern;

constexpr int kMost = 10'000'000;

constexpr std::array<std::pair<std::string_view, ModelFamily>, 7> kFamilies = {
    {{"llama", ModelFamily::kLlama},
     {"moe", ModelFamily::kMoe},
     {"deepseek", ModelFamily::kDeepseek},
     {"gpt-oss", ModelFamily::kGptOss},
     {"falcon", ModelFamily::kFalcon},
     {"opt", ModelFamily::kOpt},
     {"gpt2", ModelFamily::kGpt2}}};

std::string_view family_name(ModelFamily family) {
  for (const auto& [name, candidate] : kFamilies) {
    if (candidate == family) return name;
  }
  throw std::logic_error("a model family without a name");
}

Experts read_experts(const ValueReader& value) {
  Experts experts;
  ObjectReader map = value.object();
  experts.count = map.count("count", 1, 65536);
  experts.active = map.count("active", 1, 65536);
  experts.intermediate = map.count("intermediate", 1, kMost);
  experts.shared = map.count_or("shared", 0, 0, 65536);
  experts.first_dense_layers = map.count_or("first_dense_layers", 0, 0, 65536);
  map.finish();
  return experts;
}

Mla read_mla(const ValueReader& value) {
  Mla mla;
  ObjectReader map = value.object();
  mla.q_lora_rank = map.count_or("q_lora_rank", 0, 0, kMost);
  mla.kv_lora_rank = map.count("kv_lora_rank", 1, kMost);
  mla.qk_nope_head_dim = map.count("qk_nope_head_dim", 1, kMost);
  mla.qk_rope_head_dim = map.count("qk_rope_head_dim", 1, kMost);
  mla.v_head_dim = map.count("v_head_dim", 1, kMost);
  map.finish();
  return mla;
}

constexpr std::array<std::pair<std::string_view, WindowPattern>, 5> kWindowPatterns = {
    {{"none", WindowPattern::kNone},
     {"all", WindowPattern::kAllLayers},
     {"even", WindowPattern::kEvenLayers},
     {"three-of-four", WindowPattern::kThreeOfFour},
     {"five-of-six", WindowPattern::kFiveOfSix}}};

std::string_view window_text(WindowPattern pattern) {
  for (const auto& [name, value] : kWindowPatterns) {
    if (value == pattern) return name;
  }
  throw std::logic_error("unknown window pattern");
}

void read_window(ObjectReader& entry, Model& model) {
  const auto pattern = entry.optional_value("window_pattern");
  model.sliding_window = entry.count_or("sliding_window", 0, 0, kMost);
  if (pattern) {
    model.window_pattern =
        pattern->choice<WindowPattern>({{"none", WindowPattern::kNone},
                                        {"all", WindowPattern::kAllLayers},
                                        {"even", WindowPattern::kEvenLayers},
                                        {"three-of-four", WindowPattern::kThreeOfFour},
                                        {"five-of-six", WindowPattern::kFiveOfSix}});
  } else if (model.sliding_window > 0) {
    model.window_pattern = WindowPattern::kAllLayers;
  }
}

void write_experts(YamlWriter& out, const Experts& experts) {
  out.begin_map("experts");
  out.value("count", experts.count);
  out.value("active", experts.active);
  out.value("intermediate", experts.intermediate);
  out.value("shared", experts.shared);
  out.value("first_dense_layers", experts.first_dense_layers);
  out.end();
}

void write_mla(YamlWriter& out, const Mla& mla) {
  out.begin_map("mla");
  out.value("q_lora_rank", mla.q_lora_rank);
  out.value("kv_lora_rank", mla.kv_lora_rank);
  out.value("qk_nope_head_dim", mla.qk_nope_head_dim);
  out.value("qk_rope_head_dim", mla.qk_rope_head_dim);
  out.value("v_head_dim", mla.v_head_dim);
  out.end();
}

}  // namespace

Model read_model(ObjectReader& entry) {
  Model model;
  model.name = entry.required<std::string>("name");
  model.hf_id = entry.value_or<std::string>("hf_id", {});
  model.family = entry.value("family").choice<ModelFamily>(
      {kFamilies[0], kFamilies[1], kFamilies[2], kFamilies[3], kFamilies[4], kFamilies[5],
       kFamilies[6]});
  model.layers = entry.count("layers", 1, 10'000);
  model.hidden = entry.count("hidden", 1, kMost);
  model.heads = entry.count("heads", 1, 65536);
  model.kv_heads = entry.count_or("kv_heads", model.heads, 1, 65536);
  model.head_dim = entry.count("head_dim", 1, 65536);
  model.ffn_intermediate = entry.count("ffn_intermediate", 1, kMost);
  model.vocab = entry.count("vocab", 1, kMost);
  model.max_context = entry.count("max_context", 1, 1'000'000'000);
  model.tied_embeddings = entry.value_or("tied_embeddings", false);
  model.qkv_bias = entry.value_or("qkv_bias", false);
  model.qk_norm = entry.value_or("qk_norm", false);
  model.post_norms = entry.value_or("post_norms", false);
  if (const auto experts = entry.optional_value("experts")) model.experts = read_experts(*experts);
  if (const auto mla = entry.optional_value("mla")) {
    model.mla = read_mla(*mla);
    model.attention = workloads::AttentionKind::kMla;
  }
  read_window(entry, model);
  model.published_parameters = entry.optional<std::int64_t>("published_parameters");
  entry.whole().checked([&] { workloads::validate(model); });
  return model;
}

Model read_model_yaml(const std::filesystem::path& path) {
  const YamlDocument document = read_yaml(path);
  ObjectReader entry = ValueReader(document).object();
  Model model = read_model(entry);
  entry.finish();
  return model;
}

void write_model(YamlWriter& out, const Model& model) {
  out.value("name", model.name);
  if (!model.hf_id.empty()) out.value("hf_id", model.hf_id);
  out.value("family", family_name(model.family));
  out.value("layers", model.layers);
  out.value("hidden", model.hidden);
  out.value("heads", model.heads);
  out.value("kv_heads", model.kv_heads);
  out.value("head_dim", model.head_dim);
  out.value("ffn_intermediate", model.ffn_intermediate);
  out.value("vocab", model.vocab);
  out.value("max_context", model.max_context);
  out.value("tied_embeddings", model.tied_embeddings);
  out.value("qkv_bias", model.qkv_bias);
  out.value("qk_norm", model.qk_norm);
  out.value("post_norms", model.post_norms);
  if (model.experts) write_experts(out, *model.experts);
  if (model.mla) write_mla(out, *model.mla);
  if (model.sliding_window > 0) {
    out.value("sliding_window", model.sliding_window);
    out.value("window_pattern", window_text(model.window_pattern));
  }
  if (model.published_parameters) out.value("published_parameters", *model.published_parameters);
}

}  // namespace rigsim::configs
