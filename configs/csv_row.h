#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "configs/csv_table.h"
#include "configs/nearest_name.h"
#include "configs/quantity_parser.h"

namespace rigsim::configs {

/// The fields of one record by column name. What is wrong with one is a ConfigError that names
/// file, line and column. Both arguments must outlive this.
class CsvRow {
 public:
  CsvRow(const CsvTable& table, const CsvRecord& record) : table_(table), record_(record) {}

  [[nodiscard]] const std::string& text(std::string_view column) const {
    const auto found = std::find(table_.header.begin(), table_.header.end(), column);
    return record_.fields[static_cast<std::size_t>(found - table_.header.begin())];
  }

  [[nodiscard]] const std::string& some_text(std::string_view column) const {
    const std::string& found = text(column);
    if (found.empty()) fail(column, "must not be empty");
    return found;
  }

  template <class F>
  auto checked(std::string_view column, F&& parse) const {
    try {
      return parse();
    } catch (const std::invalid_argument& error) {
      fail(column, error.what());
    }
  }

  [[nodiscard]] std::int64_t count(std::string_view column) const {
    return checked(column, [&] { return parse_count(text(column)); });
  }

  [[nodiscard]] std::optional<double> figure(std::string_view column) const {
    const std::string& found = text(column);
    if (found.empty()) return std::nullopt;
    const double number = checked(column, [&] { return parse_number(found); });
    if (number < 0) fail(column, fmt::format("must be >= 0, got {}", in_quotes(found)));
    return number;
  }

  template <class E, std::size_t N>
  [[nodiscard]] E choice(std::string_view column,
                         const std::array<std::pair<std::string_view, E>, N>& choices) const {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) {
      if (name == text(column)) return value;
      names.push_back(name);
    }
    fail(column,
         fmt::format("must be one of {}, got {}", fmt::join(names, ", "), in_quotes(text(column))));
  }

  [[noreturn]] void fail(std::string_view column, std::string message) const {
    throw ConfigError(table_.place(record_, column), std::move(message));
  }

 private:
  const CsvTable& table_;
  const CsvRecord& record_;
};

/// Throws ConfigError, naming the column, unless `table` has just `columns`, in any order.
void check_columns(const CsvTable& table, std::span<const std::string> columns);

}  // namespace rigsim::configs
