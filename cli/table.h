#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/console.h"

namespace rigsim::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string header;
  Align align = Align::kLeft;
};

/// A table for people: columns as wide as their widest cell, two spaces between them, a rule under
/// the header.
struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  ///< [rows x columns]; a short row ends early
};

/// The table's lines, without blanks at their ends.
[[nodiscard]] std::string to_text(const Table& table, const Console& console);

/// Columns that `text` takes on a terminal: one per code point.
[[nodiscard]] std::size_t width(std::string_view text);

/// `text` in lines of at most `columns`, broken at blanks; every line after the first begins with
/// `margin`. A longer word stands alone. Ends with a newline.
[[nodiscard]] std::string wrapped(std::string_view text, std::string_view margin = {},
                                  std::size_t columns = 100);

/// The first `columns` of a text, with "..." at the end where something is left out.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t columns);

}  // namespace rigsim::cli
