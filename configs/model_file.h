#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "sim/units.h"
#include "workloads/model.h"

namespace rigsim::configs {

/// Tensors of one type in a file.
struct TensorTotal {
  std::int64_t count = 0;
  sim::Bytes bytes{};

  friend bool operator==(const TensorTotal&, const TensorTotal&) = default;
};

/// A model as a user's own file tells of it.
struct ModelFile {
  workloads::Model model;
  /// The catalogue's name of the format that the file says it is stored in; none: it does not say.
  std::optional<std::string> weights_format;
  /// By tensor type ("Q4_K", "BF16"), all parts of a split file together; empty for a config.json.
  std::map<std::string, TensorTotal> by_type;
  sim::Bytes weights{};  ///< sum of by_type
};

/// Reads a Hugging Face config.json, a GGUF or safetensors header, or a model's YAML, by its ending
/// and first bytes. A safetensors file needs its config.json beside it. Of a split file
/// ("-00001-of-00003") any part names all; they are looked for beside it.
/// Throws UnreadableInput: missing, truncated, foreign; ConfigError: an architecture or a number
/// that is not covered.
[[nodiscard]] ModelFile read_model_file(const std::filesystem::path& path);

}  // namespace rigsim::configs
