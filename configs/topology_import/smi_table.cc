#include "configs/topology_import/smi_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "configs/config_error.h"

namespace rigsim::configs {
namespace {

constexpr std::size_t kMostColumns = 512;
constexpr std::array<std::string_view, 4> kAffinities = {"CPU Affinity", "NUMA Affinity",
                                                         "GPU NUMA ID", "GPU NUMA"};

/// Cells between tabs without empty ones, or words with the header's longer names put together.
std::vector<std::string> header_cells(const std::string& line) {
  std::vector<std::string> cells;
  if (line.find('\t') != std::string::npos) {
    cells = split(line, '\t');
    std::erase(cells, "");
    // A paste may keep some tabs and turn others into blanks.
    const bool whole = std::all_of(cells.begin(), cells.end(), [](const std::string& cell) {
      return cell.find(' ') == std::string::npos ||
             std::find(kAffinities.begin(), kAffinities.end(), cell) != kAffinities.end();
    });
    if (whole) return cells;
  }
  std::string rest(trimmed(line));
  for (const std::string_view name : kAffinities) {
    const std::size_t at = rest.find(name);
    if (at != std::string::npos) rest.erase(at, name.size());
  }
  return words_of(rest);
}

bool is_affinity(const std::string& cell) {
  return std::find(kAffinities.begin(), kAffinities.end(), cell) != kAffinities.end();
}

bool is_label(std::string_view cell) {
  const bool starts =
      !cell.empty() && ((cell[0] >= 'a' && cell[0] <= 'z') || (cell[0] >= 'A' && cell[0] <= 'Z'));
  return starts && cell.find_first_not_of(
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                       "0123456789_-.") == std::string_view::npos;
}

/// The columns of a header line; none: the line is no header. A header begins with a GPU and, other
/// than a row, holds labels alone.
std::optional<std::vector<std::string>> header(const std::string& line) {
  const std::string_view start = trimmed(line);
  if (!start.starts_with("GPU") && !start.starts_with("gpu")) return std::nullopt;
  std::vector<std::string> cells = header_cells(line);
  if (cells.empty() || !gpu_number(cells[0])) return std::nullopt;
  constexpr std::array<std::string_view, 12> kCells = {"X",   "SYS", "SOC", "NODE", "PHB", "PXB",
                                                       "PIX", "PSB", "OK",  "CNS",  "TNS", "NS"};
  for (const std::string& cell : cells) {
    if (std::find(kCells.begin(), kCells.end(), cell) != kCells.end()) return std::nullopt;
    if (!is_affinity(cell) && !is_label(cell)) return std::nullopt;
  }
  std::erase_if(cells, is_affinity);
  // A row of numbers (rocm-smi) is none; a row that was cut behind its label is none either.
  const bool indented = !line.empty() && (line[0] == ' ' || line[0] == '\t');
  const bool several = cells.size() > 1 || indented;
  return several ? std::optional(std::move(cells)) : std::nullopt;
}

/// Splits a row of a matrix of `columns`; none: the line is no row.
std::optional<SmiRow> row(const TextLine& line, const std::vector<std::string>& columns) {
  const bool tabs = line.text.find('\t') != std::string::npos;
  std::vector<std::string> cells = tabs ? split(line.text, '\t') : words_of(line.text);
  const auto first = std::find_if(cells.begin(), cells.end(),
                                  [](const std::string& cell) { return !cell.empty(); });
  if (first == cells.end()) return std::nullopt;
  SmiRow out{line.number, *first, {}, {}};
  const bool known = std::find(columns.begin(), columns.end(), out.label) != columns.end();
  if (!known && !gpu_number(out.label)) return std::nullopt;
  auto cell = first + 1;
  for (; cell != cells.end() && out.cells.size() < columns.size(); ++cell)
    if (!cell->empty()) out.cells.push_back(*cell);
  out.rest.assign(cell, cells.end());
  return out;
}

void check_row(const ImportFile& file, const SmiTable& table, const SmiRow& row) {
  const bool known =
      std::find(table.columns.begin(), table.columns.end(), row.label) != table.columns.end();
  if (!known)
    fail_unreadable(file, row.line,
                    fmt::format("{} has a row but no column in the header at line {}",
                                in_quotes(row.label), table.line));
  if (row.cells.size() < table.columns.size())
    fail_unreadable(
        file, row.line,
        fmt::format("the row of {} is cut short: expected a cell for each of the {} "
                    "columns of the header at line {}, found {}",
                    in_quotes(row.label), table.columns.size(), table.line, row.cells.size()));
}

void check_columns(const ImportFile& file, const SmiTable& table) {
  if (table.columns.size() > kMostColumns)
    fail_unreadable(file, table.line,
                    fmt::format("{} columns; a machine with more than {} is not credible",
                                table.columns.size(), kMostColumns));
  std::set<std::string> seen;
  for (const std::string& column : table.columns) {
    const auto gpu = gpu_number(column);
    if (!seen.insert(gpu ? fmt::format("GPU{}", *gpu) : column).second)
      fail_unreadable(file, table.line, fmt::format("two columns are named {}", in_quotes(column)));
  }
}

void check_rows(const ImportFile& file, const SmiTable& table, int last_line) {
  std::set<std::string> seen;
  for (const SmiRow& row : table.rows)
    if (!seen.insert(row.label).second)
      fail_contradictory(file, row.line, fmt::format("a second row of {}", in_quotes(row.label)));
  for (const std::string& column : table.columns)
    if (gpu_number(column) && !seen.contains(column))
      fail_unreadable(file, last_line,
                      fmt::format("the matrix of line {} is cut short: no row of {}", table.line,
                                  in_quotes(column)));
}

bool is_blank(const TextLine& line) { return trimmed(line.text).empty(); }

/// The nearest line above the header that is not blank.
std::string line_above(const std::vector<TextLine>& lines, std::size_t header_index) {
  for (std::size_t i = header_index; i > 0; --i)
    if (!is_blank(lines[i - 1])) return lines[i - 1].text;
  return {};
}

/// Whether a line begins with a column's label that has no row yet: a row, however short.
bool begins_missing_row(const SmiTable& table, const std::string& line) {
  const std::vector<std::string> words = words_of(line);
  if (words.empty()) return false;
  const auto has_label = [&](const SmiRow& row) { return row.label == words[0]; };
  return std::find(table.columns.begin(), table.columns.end(), words[0]) != table.columns.end() &&
         std::none_of(table.rows.begin(), table.rows.end(), has_label);
}

/// Reads the table whose header stands at `at`; moves `at` behind it.
SmiTable read_table(const ImportFile& file, const std::vector<TextLine>& lines, std::size_t& at,
                    std::vector<std::string> columns) {
  SmiTable table{lines[at].number, std::move(columns), {}, line_above(lines, at)};
  check_columns(file, table);
  int last_line = lines[at].number;
  for (++at; at < lines.size(); ++at) {
    if (is_blank(lines[at]) && table.rows.empty()) continue;
    if (!begins_missing_row(table, lines[at].text) && header(lines[at].text)) break;
    auto found = row(lines[at], table.columns);
    if (!found) break;
    check_row(file, table, *found);
    last_line = found->line;
    table.rows.push_back(std::move(*found));
  }
  check_rows(file, table, last_line);
  return table;
}

}  // namespace

std::optional<int> gpu_number(std::string_view label) {
  if (!label.starts_with("GPU") && !label.starts_with("gpu")) return std::nullopt;
  const int number = small_number(label.substr(3), 100'000);
  return number < 0 ? std::nullopt : std::optional(number);
}

std::vector<SmiTable> read_smi_tables(const ImportFile& file, const std::vector<TextLine>& lines) {
  std::vector<SmiTable> tables;
  for (std::size_t at = 0; at < lines.size();) {
    auto columns = header(lines[at].text);
    if (!columns) {
      ++at;
      continue;
    }
    tables.push_back(read_table(file, lines, at, std::move(*columns)));
  }
  return tables;
}

}  // namespace rigsim::configs
