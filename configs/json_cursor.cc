#include "configs/json_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "configs/utf8.h"

namespace rigsim::configs {
namespace {

constexpr std::string_view kDigits = "0123456789";

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

/// Length of the number at the start of `text` by JSON's grammar; 0: none.
std::size_t number_length(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t first = at;
    at = std::min(text.find_first_not_of(kDigits, at), text.size());
    return at > first;
  };
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t first = at;
  if (!digits() || (zero && at > first + 1)) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!digits()) return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!digits()) return 0;
  }
  return at;
}

}  // namespace

void JsonCursor::skip_blanks() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t')) {
    ++at_;
  }
}

char JsonCursor::peek() {
  skip_blanks();
  if (at_ == text_.size()) broken({});
  return text_[at_];
}

void JsonCursor::expect(char wanted, const char* what) {
  if (peek() != wanted) broken(fmt::format("expected {}", what));
  ++at_;
}

/// Whether another member follows; steps over the comma, or over the closing bracket.
bool JsonCursor::more(char close, bool first) {
  if (peek() == close) {
    ++at_;
    return false;
  }
  if (!first) {
    if (text_[at_] != ',') broken(fmt::format("expected \",\" or \"{}\"", close));
    ++at_;
    if (peek() == close) broken("a comma must be followed by a value");
  }
  return true;
}

char JsonCursor::kind() {
  const char c = peek();
  if (c == '{' || c == '[' || c == '"') return c;
  if (c == '-' || (c >= '0' && c <= '9')) return '0';
  const std::string_view rest = text_.substr(at_);
  for (const std::string_view name : {"true", "false", "null"}) {
    if (rest.starts_with(name)) return name == "null" ? 'n' : 't';
    if (name.starts_with(rest)) broken({});
  }
  broken("expected a value");
}

std::string JsonCursor::string() {
  expect('"', "a text in quotes");
  std::string out;
  while (true) {
    if (at_ == text_.size()) broken({});
    const char c = text_[at_];
    if (c == '"') break;
    if (c == '\\') {
      append_escape(out);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      broken("a control character in a text must be escaped");
    } else {
      const std::size_t length = utf8_length(text_, at_);
      if (length == 0) broken("a text is not UTF-8");
      out.append(text_, at_, length);
      at_ += length;
    }
  }
  ++at_;
  return out;
}

void JsonCursor::append_escape(std::string& out) {
  constexpr std::string_view kNames = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  ++at_;
  if (at_ == text_.size()) broken({});
  const char c = text_[at_];
  if (const std::size_t i = kNames.find(c); i != std::string_view::npos) {
    ++at_;
    out += kMeanings[i];
    return;
  }
  if (c != 'u') broken("unknown escape in a text");
  ++at_;
  unsigned code = hex4();
  if (code >= 0xDC00 && code <= 0xDFFF) broken("half a pair of surrogates");
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (text_.substr(at_, 2) != "\\u") broken("half a pair of surrogates");
    at_ += 2;
    const unsigned low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) broken("half a pair of surrogates");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, code);
}

unsigned JsonCursor::hex4() {
  unsigned code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    if (at_ == text_.size()) broken({});
    constexpr std::string_view kHex = "0123456789abcdef";
    const char c = text_[at_];
    const auto digit = kHex.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
    if (digit == std::string_view::npos) broken("\\u needs four hexadecimal digits");
    code = code * 16 + static_cast<unsigned>(digit);
  }
  return code;
}

std::string_view JsonCursor::number() {
  (void)peek();
  const std::string_view rest = text_.substr(at_);
  const std::size_t length = number_length(rest);
  if (length == 0) {
    const bool cut = rest.find_first_not_of("+-.eE0123456789") == std::string_view::npos;
    broken(cut ? "" : "not a number");
  }
  at_ += length;
  return rest.substr(0, length);
}

void JsonCursor::literal() { at_ += text_.substr(at_).starts_with("false") ? 5 : 4; }

void JsonCursor::end() {
  skip_blanks();
  if (at_ < text_.size()) broken("text after the end of the document");
}

std::string JsonCursor::shown() {
  const char k = kind();
  if (k == '{') return "an object";
  if (k == '[') return "a list";
  if (k == 'n') return "null";
  const std::size_t start = at_;
  std::string text;
  if (k == '"') {
    text = in_quotes(string());
  } else if (k == '0') {
    text = std::string(number().substr(0, 60));
  } else {
    text = text_.substr(at_, 4) == "true" ? "true" : "false";
  }
  at_ = start;
  return text;
}

std::size_t JsonCursor::offset() {
  skip_blanks();
  return at_;
}

Place JsonCursor::place(std::size_t offset, std::string key) const {
  const std::string_view before = text_.substr(0, offset);
  const auto line = first_line_ + std::count(before.begin(), before.end(), '\n');
  const std::size_t start = before.rfind('\n');
  const std::size_t column =
      start == std::string_view::npos ? before.size() + 1 : before.size() - start;
  return {file_, static_cast<int>(line), static_cast<int>(column), std::move(key)};
}

/// No reason: the text ends here.
void JsonCursor::broken(const std::string& why) const {
  const Place where = place(at_, {});
  const std::string spot = fmt::format("line {}, column {}", where.line, where.column);
  throw UnreadableInput(file_, why.empty() ? fmt::format("truncated JSON: it ends at {}", spot)
                                           : fmt::format("not valid JSON at {}: {}", spot, why));
}

}  // namespace rigsim::configs
