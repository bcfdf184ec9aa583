#include "configs/yaml_writer.h"

#include <fmt/format.h>

#include <array>

namespace rigsim::configs {
namespace {

bool is_plain_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view(" ._+/%()-").find(c) != std::string_view::npos;
}

/// Words that YAML readers take for something else than text.
bool is_reserved(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  constexpr std::array kWords = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
  for (const std::string_view word : kWords) {
    if (lower == word) return true;
  }
  return false;
}

bool is_plain(std::string_view text) {
  if (text.empty() || is_reserved(text)) return false;
  const char first = text.front();
  const bool starts_well = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                           (first >= '0' && first <= '9');
  if (!starts_well || text.back() == ' ') return false;
  for (const char c : text) {
    if (!is_plain_character(c)) return false;
  }
  return true;
}

}  // namespace

std::string yaml_scalar(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void YamlWriter::line(std::string_view content) {
  const int indent = indents_.back();
  text_.append(static_cast<std::size_t>(dash_ ? indent - 2 : indent), ' ');
  if (dash_) text_ += "- ";
  dash_ = false;
  text_ += content;
  text_ += '\n';
}

void YamlWriter::value(std::string_view key, std::string_view text) {
  line(fmt::format("{}: {}", yaml_scalar(key), yaml_scalar(text)));
}

void YamlWriter::value(std::string_view key, bool truth) {
  line(fmt::format("{}: {}", yaml_scalar(key), truth));
}

void YamlWriter::value(std::string_view key, std::int64_t number) {
  line(fmt::format("{}: {}", yaml_scalar(key), number));
}

void YamlWriter::value(std::string_view key, int number) {
  value(key, static_cast<std::int64_t>(number));
}

void YamlWriter::value(std::string_view key, double number) {
  line(fmt::format("{}: {}", yaml_scalar(key), number));
}

void YamlWriter::begin_map(std::string_view key, std::string_view anchor) {
  line(anchor.empty() ? fmt::format("{}:", yaml_scalar(key))
                      : fmt::format("{}: &{}", yaml_scalar(key), anchor));
  indents_.push_back(indents_.back() + 2);
}

void YamlWriter::alias(std::string_view key, std::string_view anchor) {
  line(fmt::format("{}: *{}", yaml_scalar(key), anchor));
}

void YamlWriter::begin_list(std::string_view key) {
  line(fmt::format("{}:", yaml_scalar(key)));
  indents_.push_back(indents_.back() + 2);
}

void YamlWriter::empty_list(std::string_view key) { line(fmt::format("{}: []", yaml_scalar(key))); }

void YamlWriter::begin_item() {
  indents_.push_back(indents_.back() + 2);
  dash_ = true;
}

void YamlWriter::end() { indents_.pop_back(); }

}  // namespace rigsim::configs
