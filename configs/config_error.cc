#include "configs/config_error.h"

#include <fmt/format.h>

#include <cstddef>
#include <utility>

#include "configs/utf8.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kLongestQuote = 60;

std::string one_line(const Place& place, const std::string& message) {
  const std::string where = to_string(place);
  return where.empty() ? message : where + ": " + message;
}

std::string unreadable_text(const std::string& file, const std::string& message,
                            std::optional<std::uint64_t> offset) {
  return offset ? fmt::format("{}: {} (at byte {})", file, message, *offset)
                : fmt::format("{}: {}", file, message);
}

void append_escaped(std::string& out, std::string_view character) {
  const auto first = static_cast<unsigned char>(character.front());
  if (character == "\n") {
    out += "\\n";
  } else if (character == "\t") {
    out += "\\t";
  } else if (character == "\"" || character == "\\") {
    out += '\\';
    out += character;
  } else if (first < 0x20 || first == 0x7f || (character.size() == 1 && first >= 0x80)) {
    out += fmt::format("\\x{:02x}", first);
  } else {
    out += character;
  }
}

}  // namespace

std::string to_string(const Place& place) {
  std::string text = place.file;
  if (!text.empty() && place.line > 0) {
    text += fmt::format(":{}", place.line);
    if (place.column > 0) text += fmt::format(":{}", place.column);
  }
  if (!place.key.empty()) text += (text.empty() ? "" : ": ") + place.key;
  return text;
}

ConfigError::ConfigError(Place place, std::string message)
    : std::invalid_argument(one_line(place, message)),
      place_(std::move(place)),
      message_(std::move(message)) {}

UnreadableInput::UnreadableInput(std::string file, std::string message,
                                 std::optional<std::uint64_t> offset)
    : std::runtime_error(unreadable_text(file, message, offset)),
      file_(std::move(file)),
      offset_(offset) {}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    if (out.size() > kLongestQuote) return out + "...\"";
    const std::size_t length = utf8_length(text, at);
    append_escaped(out, text.substr(at, length == 0 ? 1 : length));
    at += length == 0 ? 1 : length;
  }
  return out + "\"";
}

}  // namespace rigsim::configs
