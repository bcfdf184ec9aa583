#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "sim/units.h"

namespace rigsim::configs {

/// A value of a GGUF file's metadata. Arrays of whole numbers up to 65,536 long are kept; of all
/// others only the length is.
struct GgufArray {
  std::uint64_t length = 0;
  std::vector<std::int64_t> numbers;
};
using GgufValue = std::variant<std::int64_t, double, bool, std::string, GgufArray>;

/// One tensor as the header describes it.
struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> shape;  ///< fastest dimension first
  std::string type;                 ///< ggml's name, "Q4_K"
  sim::Bytes bytes{};
};

/// What stands before the weights in a GGUF file.
struct GgufHeader {
  std::string file;
  std::map<std::string, GgufValue> values;
  std::vector<GgufTensor> tensors;

  [[nodiscard]] const GgufTensor* tensor(std::string_view name) const;
};

/// Reads the header of a GGUF file of version 2 or 3 (ggml-org/ggml docs/gguf.md), `size` bytes
/// long and called `file`. A file that ends with its header is accepted; one that ends within its
/// weights is not. Throws UnreadableInput with the byte: wrong magic, big-endian, other versions,
/// truncated, lengths beyond the file, types and counts that no file has.
[[nodiscard]] GgufHeader read_gguf_header(std::istream& in, std::uint64_t size, std::string file);

}  // namespace rigsim::configs
