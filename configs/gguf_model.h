#pragma once

#include <optional>
#include <string>

#include "configs/gguf_header.h"
#include "workloads/model.h"

namespace rigsim::configs {

/// The transformer that a GGUF header describes, from `general.architecture`, the keys of that
/// architecture, and which tensors there are. Architectures: llama (with or without experts),
/// qwen2, qwen3, qwen3moe, gemma2, phi3, deepseek2, gpt-oss, falcon, opt, gpt2. Throws ConfigError:
/// another architecture, a missing or impossible number, layers that differ.
[[nodiscard]] workloads::Model gguf_model(const GgufHeader& header);

/// The catalogue's name of the mix that `general.file_type` names; none: unnamed or unknown.
[[nodiscard]] std::optional<std::string> gguf_weights_format(const GgufHeader& header);

}  // namespace rigsim::configs
