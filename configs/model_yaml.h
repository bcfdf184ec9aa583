#pragma once

#include <filesystem>

#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "workloads/model.h"

namespace rigsim::configs {

/// Reads a transformer's numbers: name, family, layers, hidden, heads, kv_heads, head_dim,
/// ffn_intermediate, vocab, max_context, and what the family needs (experts, mla, sliding_window
/// with window_pattern, ...). The result has passed workloads::validate. The caller calls finish().
/// Throws ConfigError.
[[nodiscard]] workloads::Model read_model(ObjectReader& entry);

/// Reads a model from a YAML file of its own. Throws ConfigError, UnreadableInput.
[[nodiscard]] workloads::Model read_model_yaml(const std::filesystem::path& path);

/// Writes everything that read_model reads, so that it comes back the same.
void write_model(YamlWriter& out, const workloads::Model& model);

}  // namespace rigsim::configs
