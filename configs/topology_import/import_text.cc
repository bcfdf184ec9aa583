#include "configs/topology_import/import_text.h"

#include <fmt/format.h>

#include <charconv>

#include "configs/config_error.h"
#include "configs/utf8.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kMostLines = 200'000;
constexpr std::size_t kLongestLine = 65'536;
constexpr std::string_view kBlanks = " \t\v\f";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::string_view kHardBlank = "\xc2\xa0";

/// Bytes of the terminal escape that starts at `at`: ESC [ parameters letter, or ESC and a byte.
std::size_t escape_length(std::string_view text, std::size_t at) {
  if (at + 1 >= text.size()) return 1;
  if (text[at + 1] != '[') return 2;
  std::size_t end = at + 2;
  while (end < text.size() && (text[end] < '@' || text[end] > '~')) ++end;
  return (end < text.size() ? end + 1 : end) - at;
}

std::string cleaned(std::string_view line) {
  std::string out;
  for (std::size_t at = 0; at < line.size();) {
    if (line[at] == '\x1b') {
      at += escape_length(line, at);
    } else if (line.substr(at).starts_with(kHardBlank)) {
      out += ' ';
      at += kHardBlank.size();
    } else {
      if (line[at] != '\r') out += line[at];
      ++at;
    }
  }
  return out;
}

}  // namespace

void fail_unreadable(const ImportFile& file, int line, const std::string& message) {
  throw UnreadableInput(line > 0 ? fmt::format("{}:{}", file.name, line) : file.name, message);
}

void fail_contradictory(const ImportFile& file, int line, const std::string& message) {
  throw ConfigError({file.name, line, 0, {}}, message);
}

std::vector<TextLine> text_lines(const ImportFile& file) {
  std::string_view text = file.text;
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"))
    fail_unreadable(file, 0, "is UTF-16 text; save it as UTF-8");
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.find('\0') != std::string_view::npos)
    fail_unreadable(file, 0, "is a binary file; expected the text that a tool printed");
  if (const auto bad = first_bad_utf8(text))
    throw UnreadableInput(file.name, "is not UTF-8 text", *bad);
  std::vector<TextLine> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const int number = static_cast<int>(lines.size()) + 1;
    if (lines.size() == kMostLines || end - at > kLongestLine)
      fail_unreadable(
          file, number,
          fmt::format("more than {} lines, or one of more than {} bytes; no tool prints "
                      "that of a machine",
                      kMostLines, kLongestLine));
    lines.push_back({number, cleaned(text.substr(at, end - at))});
    at = end + 1;
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.emplace_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0;;) {
    const std::size_t end = text.find(separator, at);
    parts.emplace_back(trimmed(text.substr(at, end - at)));
    if (end == std::string_view::npos) return parts;
    at = end + 1;
  }
}

int small_number(std::string_view text, int most) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole && number >= 0 && number <= most && text.front() != '-' ? number : -1;
}

}  // namespace rigsim::configs
