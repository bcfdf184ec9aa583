#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <string>

#include "configs/model_file.h"

namespace rigsim::configs {

/// The tensors of a safetensors file by their type ("BF16"), from its header: 8 bytes of length,
/// then JSON (huggingface/safetensors README, format). The file is `size` bytes long and called
/// `file`. One that ends with its header is accepted; one that ends within its weights is not.
/// Throws UnreadableInput: a header longer than the file or than 100,000,000 bytes, no JSON,
/// entries without type, shape or offsets, offsets that do not agree with them, truncated.
[[nodiscard]] std::map<std::string, TensorTotal> read_safetensors(std::istream& in,
                                                                  std::uint64_t size,
                                                                  const std::string& file);

}  // namespace rigsim::configs
