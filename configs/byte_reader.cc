#include "configs/byte_reader.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "configs/config_error.h"

namespace rigsim::configs {

ByteReader::ByteReader(std::istream& in, std::uint64_t size, std::string file)
    : in_(in), size_(size), file_(std::move(file)) {}

void ByteReader::fail(std::string message) const {
  throw UnreadableInput(file_, std::move(message), offset_);
}

void ByteReader::require(std::uint64_t length, std::string_view what) const {
  if (length <= left()) return;
  fail(fmt::format("truncated: {} needs {} bytes, {} are left", what, length, left()));
}

std::uint64_t ByteReader::number(int bytes, std::string_view what) {
  require(static_cast<std::uint64_t>(bytes), what);
  std::array<char, 8> raw{};
  if (!in_.read(raw.data(), bytes)) fail(fmt::format("cannot be read: {}", what));
  offset_ += static_cast<std::uint64_t>(bytes);
  std::uint64_t value = 0;
  for (int i = bytes; i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(raw[static_cast<std::size_t>(i)]);
  }
  return value;
}

std::string ByteReader::text(std::uint64_t length, std::string_view what) {
  require(length, what);
  std::string out(length, '\0');
  if (!in_.read(out.data(), static_cast<std::streamsize>(length))) {
    fail(fmt::format("cannot be read: {}", what));
  }
  offset_ += length;
  return out;
}

void ByteReader::skip(std::uint64_t length, std::string_view what) {
  require(length, what);
  if (!in_.seekg(static_cast<std::streamoff>(length), std::ios::cur)) {
    fail(fmt::format("cannot be read: {}", what));
  }
  offset_ += length;
}

}  // namespace rigsim::configs
