#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rigsim::configs {

/// One field of a message in protobuf's wire format (protobuf.dev, "Encoding").
struct WireField {
  std::uint32_t number = 0;
  enum Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 } type = kVarint;
  std::uint64_t value = 0;   ///< of all but kBytes: the bits
  std::string_view bytes{};  ///< of kBytes

  [[nodiscard]] double as_double() const;  ///< of kFixed64
  [[nodiscard]] float as_float() const;    ///< of kFixed32
  /// Of sint32 and sint64: the zigzag undone.
  [[nodiscard]] std::int64_t zigzag() const;
};

/// Reads a message field by field from bytes that nobody vouches for; stores nothing, allocates
/// nothing. Throws UnreadableInput with the file and the byte where the message is broken: a length
/// beyond the end, a varint of more than ten bytes, a wire type that does not exist (groups
/// included), field number 0.
class WireReader {
 public:
  /// `bytes` start at byte `offset` of `file`, which must outlive this.
  WireReader(std::string_view bytes, const std::string& file, std::uint64_t offset = 0)
      : bytes_(bytes), file_(&file), base_(offset) {}

  /// The next field; none at the end.
  [[nodiscard]] std::optional<WireField> next();
  /// A varint by itself, as in packed lists and before delimited messages.
  [[nodiscard]] std::uint64_t varint();
  /// The bytes of a message that its length precedes, as a stream of messages has them.
  [[nodiscard]] std::string_view delimited();
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::uint64_t offset() const { return base_ + at_; }
  /// A reader of part of these bytes, such as WireField::bytes.
  [[nodiscard]] WireReader inside(std::string_view part) const;

  [[noreturn]] void fail(const std::string& message) const;

 private:
  [[nodiscard]] std::uint64_t fixed(std::size_t size);

  std::string_view bytes_;
  const std::string* file_;
  std::uint64_t base_;
  std::size_t at_ = 0;
};

/// Builds a message; fields in the order of the calls.
class WireWriter {
 public:
  void varint(std::uint32_t field, std::uint64_t value);
  void real(std::uint32_t field, double value);
  void bytes(std::uint32_t field, std::string_view value);
  [[nodiscard]] const std::string& message() const { return out_; }
  /// The message behind its length.
  [[nodiscard]] std::string delimited() const;

 private:
  std::string out_;
};

/// Appends `value` as a varint.
void append_varint(std::string& out, std::uint64_t value);

}  // namespace rigsim::configs
