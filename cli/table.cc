#include "cli/table.h"

#include <algorithm>

namespace rigsim::cli {
namespace {

constexpr std::string_view kGap = "  ";

std::vector<std::size_t> widths(const Table& table) {
  std::vector<std::size_t> result;
  for (const Column& column : table.columns) result.push_back(width(column.header));
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) result[i] = std::max(result[i], width(row[i]));
  }
  return result;
}

std::string padded(std::string_view text, std::size_t to, Align align) {
  const std::string blanks(to - width(text), ' ');
  return align == Align::kRight ? blanks + std::string(text) : std::string(text) + blanks;
}

std::string line_of(const Table& table, const std::vector<std::string>& cells,
                    const std::vector<std::size_t>& to) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += kGap;
    line += padded(cells[i], to[i], table.columns[i].align);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

}  // namespace

std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string to_text(const Table& table, const Console& console) {
  const std::vector<std::size_t> to = widths(table);
  std::vector<std::string> headers;
  std::vector<std::string> rules;
  for (std::size_t i = 0; i < to.size(); ++i) {
    headers.push_back(table.columns[i].header);
    rules.push_back(std::string(to[i], '-'));
  }
  std::string text =
      console.bold(line_of(table, headers, to)) + '\n' + line_of(table, rules, to) + '\n';
  for (const auto& row : table.rows) text += line_of(table, row, to) + '\n';
  return text;
}

std::string wrapped(std::string_view text, std::string_view margin, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t start = text.find_first_not_of(' ');
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const std::string_view word = text.substr(0, text.find(' '));
    if (used > 0 && used + 1 + width(word) > columns) {
      out += '\n';
      out += margin;
      used = width(margin);
    } else if (used > 0) {
      out += ' ';
      used += 1;
    }
    out += word;
    used += width(word);
    text.remove_prefix(word.size());
  }
  return out + '\n';
}

std::string shortened(std::string_view text, std::size_t columns) {
  if (width(text) <= columns) return std::string(text);
  std::size_t end = 0;
  for (std::size_t shown = 0; end < text.size(); ++end) {
    if (starts_character(text[end]) && ++shown > columns - 3) break;
  }
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace rigsim::cli
