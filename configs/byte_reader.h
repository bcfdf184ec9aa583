#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <string_view>

namespace rigsim::configs {

/// Reads little-endian numbers and strings from a file that nobody vouches for: every length is
/// checked against what is left before anything is allocated. All throw UnreadableInput with the
/// byte at which the file ends too early, and `what` was to be read there.
class ByteReader {
 public:
  /// Reads `in`, which holds `size` bytes and is known to people as `file`. Keeps a reference to
  /// it.
  ByteReader(std::istream& in, std::uint64_t size, std::string file);

  [[nodiscard]] std::uint64_t number(int bytes, std::string_view what);
  [[nodiscard]] std::string text(std::uint64_t length, std::string_view what);
  void skip(std::uint64_t length, std::string_view what);

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t left() const { return size_ - offset_; }
  [[nodiscard]] const std::string& file() const { return file_; }

  /// Throws UnreadableInput at the present byte.
  [[noreturn]] void fail(std::string message) const;

 private:
  void require(std::uint64_t length, std::string_view what) const;

  std::istream& in_;
  std::uint64_t size_;
  std::uint64_t offset_ = 0;
  std::string file_;
};

}  // namespace rigsim::configs
