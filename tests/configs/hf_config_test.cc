#include "configs/hf_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/model_yaml.h"

namespace rigsim::configs {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// The numbers of a released config.json (huggingface.co, read from the copies that litgpt and
/// llm-analysis keep), and the catalogue's model that they describe.
struct Released {
  const char* model;
  const char* config;
};

const std::vector<Released>& released() {
  static const std::vector<Released> kConfigs = {
      {"llama-3-70b", R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "attention_bias": false, "hidden_size": 8192, "intermediate_size": 28672,
        "max_position_embeddings": 8192, "num_attention_heads": 64, "num_hidden_layers": 80,
        "num_key_value_heads": 8, "rope_scaling": null, "tie_word_embeddings": false,
        "torch_dtype": "bfloat16", "vocab_size": 128256})"},
      {"llama-2-7b", R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008,
        "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
        "vocab_size": 32000, "torch_dtype": "float16"})"},
      {"mistral-7b-v0.1", R"({"model_type": "mistral", "hidden_size": 4096,
        "intermediate_size": 14336, "max_position_embeddings": 32768, "num_attention_heads": 32,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "sliding_window": 4096,
        "vocab_size": 32000})"},
      {"mixtral-8x7b", R"({"model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336,
        "max_position_embeddings": 32768, "num_attention_heads": 32, "num_experts_per_tok": 2,
        "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8,
        "sliding_window": null, "vocab_size": 32000})"},
      {"qwen2.5-7b", R"({"model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944,
        "max_position_embeddings": 131072, "max_window_layers": 28, "num_attention_heads": 28,
        "num_hidden_layers": 28, "num_key_value_heads": 4, "sliding_window": 131072,
        "use_sliding_window": false, "tie_word_embeddings": false, "vocab_size": 152064})"},
      {"qwen3-32b", R"({"model_type": "qwen3", "attention_bias": false, "head_dim": 128,
        "hidden_size": 5120, "intermediate_size": 25600, "max_position_embeddings": 40960,
        "num_attention_heads": 64, "num_hidden_layers": 64, "num_key_value_heads": 8,
        "sliding_window": null, "tie_word_embeddings": false, "vocab_size": 151936})"},
      {"qwen3-30b-a3b", R"({"model_type": "qwen3_moe", "decoder_sparse_step": 1, "head_dim": 128,
        "hidden_size": 2048, "intermediate_size": 6144, "max_position_embeddings": 40960,
        "mlp_only_layers": [], "moe_intermediate_size": 768, "num_attention_heads": 32,
        "num_experts": 128, "num_experts_per_tok": 8, "num_hidden_layers": 48,
        "num_key_value_heads": 4, "vocab_size": 151936})"},
      {"gemma-2-9b", R"({"model_type": "gemma2", "head_dim": 256, "hidden_size": 3584,
        "intermediate_size": 14336, "max_position_embeddings": 8192, "num_attention_heads": 16,
        "num_hidden_layers": 42, "num_key_value_heads": 8, "sliding_window": 4096,
        "vocab_size": 256000})"},
      {"phi-3-mini", R"({"model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
        "max_position_embeddings": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 32, "sliding_window": 2047, "vocab_size": 32064})"},
      {"deepseek-v2-lite", R"({"model_type": "deepseek_v2", "first_k_dense_replace": 1,
        "hidden_size": 2048, "intermediate_size": 10944, "kv_lora_rank": 512,
        "max_position_embeddings": 163840, "moe_intermediate_size": 1408, "moe_layer_freq": 1,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_attention_heads": 16,
        "num_experts_per_tok": 6, "num_hidden_layers": 27, "num_key_value_heads": 16,
        "q_lora_rank": null, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "vocab_size": 102400})"},
      {"deepseek-v3", R"({"model_type": "deepseek_v3", "first_k_dense_replace": 3,
        "hidden_size": 7168, "intermediate_size": 18432, "kv_lora_rank": 512,
        "max_position_embeddings": 163840, "moe_intermediate_size": 2048, "moe_layer_freq": 1,
        "n_routed_experts": 256, "n_shared_experts": 1, "num_attention_heads": 128,
        "num_experts_per_tok": 8, "num_hidden_layers": 61, "num_key_value_heads": 128,
        "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "vocab_size": 129280,
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})"},
      {"gpt-oss-20b", R"({"model_type": "gpt_oss", "attention_bias": true, "head_dim": 64,
        "hidden_size": 2880, "intermediate_size": 2880, "max_position_embeddings": 131072,
        "num_attention_heads": 64, "num_experts_per_tok": 4, "num_hidden_layers": 24,
        "num_key_value_heads": 8, "num_local_experts": 32, "sliding_window": 128,
        "tie_word_embeddings": false, "vocab_size": 201088,
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": []}})"},
      {"falcon-40b", R"({"model_type": "falcon", "hidden_size": 8192, "multi_query": true,
        "new_decoder_architecture": true, "num_attention_heads": 128, "num_hidden_layers": 60,
        "num_kv_heads": 8, "vocab_size": 65024})"},
      {"opt-6.7b", R"({"model_type": "opt", "ffn_dim": 16384, "hidden_size": 4096,
        "max_position_embeddings": 2048, "num_attention_heads": 32, "num_hidden_layers": 32,
        "word_embed_proj_dim": 4096, "vocab_size": 50272})"},
      {"gpt2-xl", R"({"model_type": "gpt2", "n_ctx": 1024, "n_embd": 1600, "n_head": 25,
        "n_layer": 48, "n_positions": 1024, "n_inner": null, "vocab_size": 50257})"}};
  return kConfigs;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  } catch (const UnreadableInput& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(std::string_view text) {
  return refusal([&] { (void)parse_hf_config(text, "config.json", "x"); });
}

std::string numbers(workloads::Model model) {
  model.name = "x";
  model.hf_id.clear();
  model.published_parameters.reset();
  YamlWriter out;
  write_model(out, model);
  return out.text();
}

TEST(HfConfig, DescribesTheCataloguesModels) {
  const Catalog catalog = Catalog::load();
  for (const Released& each : released()) {
    const ModelFile file = parse_hf_config(each.config, "config.json", "x");
    workloads::Model expected = catalog.model(each.model);
    if (file.model.max_context == 163840) expected.max_context = 163840;
    EXPECT_EQ(numbers(file.model), numbers(expected)) << each.model;
    EXPECT_TRUE(file.by_type.empty());
  }
}

TEST(HfConfig, SaysHowTheWeightsAreStored) {
  const auto format = [](std::size_t i) {
    return parse_hf_config(released()[i].config, "config.json", "x")
        .weights_format.value_or("none");
  };
  EXPECT_EQ(format(0), "BF16");
  EXPECT_EQ(format(1), "F16");
  EXPECT_EQ(format(2), "none");
  EXPECT_EQ(format(10), "FP8-E4M3-block128");
  EXPECT_EQ(format(11), "MXFP4");
}

TEST(HfConfig, ReadsTheTextPartOfAMultimodalModel) {
  std::string text = R"({"model_type": "llava", "vision_config": {}, "text_config": )";
  text.append(released()[2].config).append("}");
  EXPECT_EQ(parse_hf_config(text, "config.json", "x").model.layers, 32);
}

std::string edited(std::string_view from, std::string_view to) {
  std::string text = released()[0].config;
  return text.replace(text.find(from), from.size(), to);
}

TEST(HfConfig, NamesLineColumnAndKey) {
  EXPECT_EQ(
      refusal(edited("\"num_hidden_layers\": 80", "\"num_hidden_layers\": \"many\"")),
      "config.json:3:90: num_hidden_layers: expected a whole number >= 0 in digits, got \"many\"");
  EXPECT_THAT(refusal(edited("\"num_hidden_layers\": 80,", "")),
              HasSubstr("the key \"num_hidden_layers\" is missing"));
  EXPECT_THAT(refusal(edited("\"model_type\": \"llama\"", "\"model_type\": \"mamba\"")),
              HasSubstr("the model type \"mamba\" is not covered; covered are llama, mistral"));
  EXPECT_THAT(refusal(edited("\"num_key_value_heads\": 8", "\"num_key_value_heads\": 7")),
              HasSubstr("heads must be a multiple of kv_heads"));
  EXPECT_THAT(refusal(edited("\"hidden_size\": 8192", "\"hidden_size\": 1e4")),
              HasSubstr("whole number"));
  EXPECT_THAT(refusal(edited("\"hidden_size\": 8192", "\"hidden_size\": -1")),
              HasSubstr("whole number"));
  EXPECT_THAT(refusal(edited("\"hidden_size\": 8192", "\"hidden_size\": 99999999999")),
              HasSubstr("must be from 0 to 16777216"));
  EXPECT_THAT(refusal("{}"), HasSubstr("\"model_type\" is missing"));
}

TEST(HfConfig, TellsUnreadableFromWrong) {
  EXPECT_THAT(refusal("{\"model_type\": \"llama\", \"hid\n"),
              StartsWith("config.json: truncated JSON: "));
  EXPECT_THAT(refusal("{\"a\": 1,, \"b\": 2}"), StartsWith("config.json: not valid JSON: "));
  for (const char* text : {"", "{", "[1, 2", "hello", "{\"a\": 1,}", "{\"a\": \"\xff\"}", "a: 1"}) {
    EXPECT_THROW((void)parse_hf_config(text, "config.json", "x"), UnreadableInput) << text;
  }
  EXPECT_THROW((void)parse_hf_config("[1]", "config.json", "x"), ConfigError);
  EXPECT_THROW((void)parse_hf_config(std::string(100'000, '['), "config.json", "x"),
               UnreadableInput);
  EXPECT_THROW((void)parse_hf_config(std::string(10'000, '[') + std::string(10'000, ']'), "c", "x"),
               ConfigError);
  EXPECT_THAT(refusal("{\"a\": 1, \"a\": 2}"), StartsWith("config.json:1:10: a: duplicate key"));
  EXPECT_THAT(refusal(edited("\"attention_bias\": false", "\"x\": \"\\ud83d\\ude00 \\\\ud83d\"")),
              HasSubstr("accepted"));
}

TEST(HfConfig, SurvivesTruncationAtEveryByteAndMutation) {
  for (const Released& each : released()) {
    const std::string good = each.config;
    for (std::size_t size = 0; size < good.size(); ++size) {
      EXPECT_THROW((void)parse_hf_config(good.substr(0, size), "c", "x"), UnreadableInput) << size;
    }
  }
  std::mt19937 random(3);
  for (int i = 0; i < 4000; ++i) {
    std::string text = released()[random() % released().size()].config;
    for (auto edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      if (random() % 2 == 0) {
        text[at] = "0123456789\"{}[],:-.en\\\xff"[random() % 22];
      } else {
        text.erase(at, 1 + random() % 3);
      }
    }
    (void)refusal(text);
  }
}

}  // namespace
}  // namespace rigsim::configs
