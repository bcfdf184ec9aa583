#pragma once

#include <string>
#include <string_view>

#include "configs/model_file.h"

namespace rigsim::configs {

/// The transformer that a Hugging Face config.json describes; `name` is what to call it where the
/// file does not say. Model types: llama, mistral, mixtral, qwen2, qwen3, qwen3_moe, gemma2, phi3,
/// deepseek_v2, deepseek_v3, gpt_oss, falcon, opt, gpt2; of a multimodal one its text_config. What
/// the file leaves out is as in transformers' configuration classes (num_key_value_heads: all
/// heads; head_dim: hidden / heads). A bias of the attention's output and of the MLP in llama-like
/// models (under 0.02 % of the parameters) is not counted. `weights_format` follows
/// quantization_config, else torch_dtype. Throws UnreadableInput where `text` is no JSON object
/// (truncated, not UTF-8), ConfigError with line and column for another model type, a missing or
/// impossible number.
[[nodiscard]] ModelFile parse_hf_config(std::string_view text, const std::string& file,
                                        const std::string& name);

}  // namespace rigsim::configs
