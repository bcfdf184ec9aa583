#include "configs/csv_row.h"

namespace rigsim::configs {

void check_columns(const CsvTable& table, std::span<const std::string> columns) {
  const std::vector<std::string> known(columns.begin(), columns.end());
  for (const std::string& column : table.header) {
    if (std::find(known.begin(), known.end(), column) != known.end()) continue;
    throw ConfigError({table.file, 1, 0, column},
                      fmt::format("unknown column{}", did_you_mean(column, known)));
  }
  for (const std::string& column : known) {
    if (std::find(table.header.begin(), table.header.end(), column) != table.header.end()) continue;
    throw ConfigError({table.file, 1, 0, column}, "the column is missing");
  }
}

}  // namespace rigsim::configs
