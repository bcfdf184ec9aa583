#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rigsim::configs {

/// Writes GGUF files for tests (ggml-org/ggml docs/gguf.md), good ones and, on purpose, bad ones.
class GgufBytes {
 public:
  GgufBytes& u32(std::string_view key, std::uint32_t value) {
    values_ += start(key, 4) + little(value, 4);
    ++value_count_;
    return *this;
  }
  GgufBytes& text(std::string_view key, std::string_view value) {
    values_ += start(key, 8) + counted(value);
    ++value_count_;
    return *this;
  }
  GgufBytes& numbers(std::string_view key, const std::vector<std::uint32_t>& value) {
    values_ += start(key, 9) + little(4, 4) + little(value.size(), 8);
    for (const std::uint32_t number : value) values_ += little(number, 4);
    ++value_count_;
    return *this;
  }
  GgufBytes& texts(std::string_view key, const std::vector<std::string>& value) {
    values_ += start(key, 9) + little(8, 4) + little(value.size(), 8);
    for (const std::string& each : value) values_ += counted(each);
    ++value_count_;
    return *this;
  }
  /// `bytes` of weights follow those of the tensors before.
  GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& shape,
                    std::uint32_t type, std::uint64_t bytes) {
    tensors_ += counted(name) + little(shape.size(), 4);
    for (const std::uint64_t extent : shape) tensors_ += little(extent, 8);
    tensors_ += little(type, 4) + little(data_, 8);
    data_ += (bytes + 31) / 32 * 32;
    ++tensor_count_;
    return *this;
  }

  /// The header alone.
  [[nodiscard]] std::string header(std::uint32_t version = 3) const {
    return "GGUF" + little(version, 4) + little(tensor_count_, 8) + little(value_count_, 8) +
           values_ + tensors_;
  }
  /// Header and weights, all zero.
  [[nodiscard]] std::string file() const {
    std::string out = header();
    out.resize((out.size() + 31) / 32 * 32 + data_);
    return out;
  }

  [[nodiscard]] static std::string little(std::uint64_t value, int bytes) {
    std::string out;
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
    return out;
  }
  [[nodiscard]] static std::string counted(std::string_view text) {
    return little(text.size(), 8).append(text);
  }

 private:
  [[nodiscard]] static std::string start(std::string_view key, std::uint32_t type) {
    return counted(key) + little(type, 4);
  }

  std::string values_;
  std::string tensors_;
  std::uint64_t value_count_ = 0;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t data_ = 0;
};

}  // namespace rigsim::configs
