#include "configs/gguf_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "configs/config_error.h"
#include "configs/nearest_name.h"
#include "configs/utf8.h"

namespace rigsim::configs {
namespace {

using workloads::Model;
using workloads::ModelFamily;
using workloads::WindowPattern;

constexpr std::int64_t kMost = std::int64_t{1} << 40;

constexpr std::array<std::pair<std::string_view, ModelFamily>, 11> kArchitectures = {
    {{"llama", ModelFamily::kLlama},
     {"qwen2", ModelFamily::kLlama},
     {"qwen3", ModelFamily::kLlama},
     {"qwen3moe", ModelFamily::kMoe},
     {"gemma2", ModelFamily::kLlama},
     {"phi3", ModelFamily::kLlama},
     {"deepseek2", ModelFamily::kDeepseek},
     {"gpt-oss", ModelFamily::kGptOss},
     {"falcon", ModelFamily::kFalcon},
     {"opt", ModelFamily::kOpt},
     {"gpt2", ModelFamily::kGpt2}}};

/// Names of general.file_type (ggml-org/llama.cpp include/llama.h, enum llama_ftype).
constexpr std::array<std::pair<int, std::string_view>, 30> kFileTypes = {
    {{0, "F32"},      {1, "F16"},      {2, "Q4_0"},    {3, "Q4_1"},    {7, "Q8_0"},
     {8, "Q5_0"},     {9, "Q5_1"},     {10, "Q2_K"},   {11, "Q3_K_S"}, {12, "Q3_K_M"},
     {13, "Q3_K_L"},  {14, "Q4_K_S"},  {15, "Q4_K_M"}, {16, "Q5_K_S"}, {17, "Q5_K_M"},
     {18, "Q6_K"},    {19, "IQ2_XXS"}, {20, "IQ2_XS"}, {21, "Q2_K_S"}, {22, "IQ3_XS"},
     {23, "IQ3_XXS"}, {24, "IQ1_S"},   {25, "IQ4_NL"}, {26, "IQ3_S"},  {27, "IQ3_M"},
     {28, "IQ2_S"},   {29, "IQ2_M"},   {30, "IQ4_XS"}, {31, "IQ1_M"},  {32, "BF16"}}};

/// Reads numbers of one architecture's keys.
class Metadata {
 public:
  explicit Metadata(const GgufHeader& header) : header_(header) {
    architecture_ = text("general.architecture").value_or("");
  }

  [[nodiscard]] const std::string& architecture() const { return architecture_; }

  [[nodiscard]] std::optional<std::string> text(const std::string& key) const {
    const auto found = header_.values.find(key);
    if (found == header_.values.end()) return std::nullopt;
    const auto* value = std::get_if<std::string>(&found->second);
    if (value == nullptr) fail(key, "expected text");
    return *value;
  }

  /// A whole number; of an array with one number per layer, the one that all share.
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const {
    const std::string key = fmt::format("{}.{}", architecture_, name);
    const auto found = header_.values.find(key);
    if (found == header_.values.end()) return std::nullopt;
    const std::int64_t value = whole(key, found->second);
    if (value < 0 || value > kMost)
      fail(key, fmt::format("must be from 0 to {}, got {}", kMost, value));
    return value;
  }

  [[nodiscard]] std::int64_t needed(std::string_view name) const {
    const auto value = number(name);
    if (!value) fail(fmt::format("{}.{}", architecture_, name), "the key is missing");
    return *value;
  }

  [[nodiscard]] int needed_int(std::string_view name) const { return small(name, needed(name)); }
  [[nodiscard]] int int_or(std::string_view name, int otherwise) const {
    const auto value = number(name);
    return value ? small(name, *value) : otherwise;
  }

  [[noreturn]] void fail(const std::string& key, const std::string& message) const {
    throw ConfigError({header_.file, 0, 0, key}, message);
  }

 private:
  [[nodiscard]] std::int64_t whole(const std::string& key, const GgufValue& value) const {
    if (const auto* number = std::get_if<std::int64_t>(&value)) return *number;
    const auto* array = std::get_if<GgufArray>(&value);
    if (array == nullptr || array->numbers.empty()) fail(key, "expected a whole number");
    const std::int64_t first = array->numbers.front();
    for (const std::int64_t other : array->numbers) {
      if (other != first)
        fail(key, fmt::format("layers that differ ({} and {}) are not covered", first, other));
    }
    return first;
  }

  [[nodiscard]] int small(std::string_view name, std::int64_t value) const {
    if (value > 1'000'000'000)
      fail(fmt::format("{}.{}", architecture_, name), fmt::format("is too large: {}", value));
    return static_cast<int>(value);
  }

  const GgufHeader& header_;
  std::string architecture_;
};

ModelFamily family_of(const Metadata& data) {
  std::vector<std::string> names;
  for (const auto& [name, family] : kArchitectures) {
    if (name == data.architecture()) {
      const bool mixture = family == ModelFamily::kLlama && data.int_or("expert_count", 0) > 0;
      return mixture ? ModelFamily::kMoe : family;
    }
    names.emplace_back(name);
  }
  if (data.architecture().empty()) data.fail("general.architecture", "the key is missing");
  data.fail("general.architecture",
            fmt::format("the architecture {} is not covered; covered are {}",
                        in_quotes(data.architecture()), fmt::join(names, ", ")));
}

void read_heads(const Metadata& data, Model& model) {
  model.heads = data.needed_int("attention.head_count");
  model.kv_heads = data.int_or("attention.head_count_kv", model.heads);
  const auto key_length = data.number("attention.key_length");
  if (!key_length && (model.heads == 0 || model.hidden % model.heads != 0)) {
    data.fail("attention.head_count",
              fmt::format("{} heads do not divide {}", model.heads, model.hidden));
  }
  model.head_dim = key_length.value_or(model.heads == 0 ? 0 : model.hidden / model.heads);
}

void read_experts(const Metadata& data, Model& model) {
  const bool mixture = model.family == ModelFamily::kMoe ||
                       model.family == ModelFamily::kDeepseek ||
                       model.family == ModelFamily::kGptOss;
  if (!mixture) return;
  workloads::Experts experts;
  experts.count = data.needed_int("expert_count");
  experts.active = data.needed_int("expert_used_count");
  experts.intermediate = data.number("expert_feed_forward_length").value_or(model.ffn_intermediate);
  experts.shared = data.int_or("expert_shared_count", 0);
  experts.first_dense_layers = data.int_or("leading_dense_block_count", 0);
  model.experts = experts;
}

/// Files of before 2025-04 give the sizes of the expanded heads as key_length and value_length;
/// later ones give those as *_mla.
void read_mla(const Metadata& data, Model& model) {
  if (model.family != ModelFamily::kDeepseek) return;
  workloads::Mla mla;
  mla.q_lora_rank = data.number("attention.q_lora_rank").value_or(0);
  mla.kv_lora_rank = data.needed("attention.kv_lora_rank");
  mla.qk_rope_head_dim = data.needed("rope.dimension_count");
  const auto key = data.number("attention.key_length_mla");
  const auto value = data.number("attention.value_length_mla");
  model.head_dim = key ? *key : data.needed("attention.key_length");
  mla.qk_nope_head_dim = model.head_dim - mla.qk_rope_head_dim;
  mla.v_head_dim = value ? *value : data.needed("attention.value_length");
  if (key) model.kv_heads = model.heads;
  model.mla = mla;
  model.attention = workloads::AttentionKind::kMla;
}

void read_window(const Metadata& data, Model& model) {
  model.sliding_window = data.number("attention.sliding_window").value_or(0);
  if (model.sliding_window == 0) return;
  const bool alternate = data.architecture() == "gemma2" || data.architecture() == "gpt-oss";
  model.window_pattern = alternate ? WindowPattern::kEvenLayers : WindowPattern::kAllLayers;
}

void read_tensors(const GgufHeader& header, const Metadata& data, Model& model) {
  const GgufTensor* embedding = header.tensor("token_embd.weight");
  if (embedding != nullptr && embedding->shape.size() == 2) {
    model.vocab = embedding->shape[1];
  } else {
    model.vocab = data.needed("vocab_size");
  }
  model.tied_embeddings = embedding != nullptr && header.tensor("output.weight") == nullptr;
  model.qkv_bias = data.architecture() == "qwen2" || header.tensor("blk.0.attn_q.bias") != nullptr;
  if (model.family == ModelFamily::kGptOss) model.qkv_bias = false;
  model.qk_norm = header.tensor("blk.0.attn_q_norm.weight") != nullptr ||
                  data.architecture().starts_with("qwen3");
  model.post_norms = data.architecture() == "gemma2";
}

std::string model_name(const GgufHeader& header, const Metadata& data) {
  const std::string name = data.text("general.name").value_or("");
  const bool usable =
      !name.empty() && name.size() < 200 && !first_bad_utf8(name) &&
      std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' || c < 0; });
  if (usable) return name;
  const std::string file = header.file.substr(header.file.rfind('/') + 1);
  return file.substr(0, file.rfind(".gguf"));
}

}  // namespace

Model gguf_model(const GgufHeader& header) {
  const Metadata data(header);
  Model model;
  model.family = family_of(data);
  model.name = model_name(header, data);
  model.layers = data.needed_int("block_count");
  model.hidden = data.needed("embedding_length");
  model.ffn_intermediate = data.number("feed_forward_length").value_or(0);
  model.max_context = data.number("context_length").value_or(0);
  read_heads(data, model);
  read_experts(data, model);
  read_mla(data, model);
  read_window(data, model);
  read_tensors(header, data, model);
  try {
    workloads::validate(model);
  } catch (const std::invalid_argument& error) {
    throw ConfigError({header.file, 0, 0, {}}, error.what());
  }
  return model;
}

std::optional<std::string> gguf_weights_format(const GgufHeader& header) {
  const auto found = header.values.find("general.file_type");
  if (found == header.values.end()) return std::nullopt;
  const auto* number = std::get_if<std::int64_t>(&found->second);
  for (const auto& [id, name] : kFileTypes) {
    if (number != nullptr && *number == id) return std::string(name);
  }
  return std::nullopt;
}

}  // namespace rigsim::configs
