#include "configs/wire_format.h"

#include <fmt/format.h>

#include <bit>

#include "configs/config_error.h"

namespace rigsim::configs {

double WireField::as_double() const { return std::bit_cast<double>(value); }

float WireField::as_float() const {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value));
}

std::int64_t WireField::zigzag() const {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

void WireReader::fail(const std::string& message) const {
  throw UnreadableInput(*file_, message, offset());
}

std::uint64_t WireReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at_end()) fail("truncated in a number");
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  fail("a number is longer than 64 bits");
}

std::uint64_t WireReader::fixed(std::size_t size) {
  if (bytes_.size() - at_ < size) fail("truncated in a number");
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) {
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes_[at_ + i])) << (8 * i);
  }
  at_ += size;
  return value;
}

std::string_view WireReader::delimited() {
  const std::uint64_t length = varint();
  const std::size_t left = bytes_.size() - at_;
  if (length > left) fail(fmt::format("truncated: {} bytes announced, {} left", length, left));
  const std::string_view part = bytes_.substr(at_, length);
  at_ += length;
  return part;
}

std::optional<WireField> WireReader::next() {
  if (at_end()) return std::nullopt;
  const std::uint64_t tag = varint();
  WireField field;
  if (tag >> 3 == 0 || tag >> 32 != 0) fail("not a message: a field has no valid number");
  field.number = static_cast<std::uint32_t>(tag >> 3);
  switch (tag & 7) {
    case WireField::kVarint:
      field.value = varint();
      break;
    case WireField::kFixed64:
      field.value = fixed(8);
      break;
    case WireField::kBytes:
      field.bytes = delimited();
      break;
    case WireField::kFixed32:
      field.value = fixed(4);
      break;
    default:
      fail(fmt::format("not a message: field {} has wire type {}", field.number, tag & 7));
  }
  field.type = static_cast<WireField::Type>(tag & 7);
  return field;
}

WireReader WireReader::inside(std::string_view part) const {
  return {part, *file_, base_ + static_cast<std::uint64_t>(part.data() - bytes_.data())};
}

void append_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7F) | 0x80);
  out += static_cast<char>(value);
}

void WireWriter::varint(std::uint32_t field, std::uint64_t value) {
  append_varint(out_, std::uint64_t{field} << 3 | WireField::kVarint);
  append_varint(out_, value);
}

void WireWriter::real(std::uint32_t field, double value) {
  append_varint(out_, std::uint64_t{field} << 3 | WireField::kFixed64);
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (int i = 0; i < 8; ++i) out_ += static_cast<char>(bits >> (8 * i) & 0xFF);
}

void WireWriter::bytes(std::uint32_t field, std::string_view value) {
  append_varint(out_, std::uint64_t{field} << 3 | WireField::kBytes);
  append_varint(out_, value.size());
  out_ += value;
}

std::string WireWriter::delimited() const {
  std::string out;
  append_varint(out, out_.size());
  return out + out_;
}

}  // namespace rigsim::configs
