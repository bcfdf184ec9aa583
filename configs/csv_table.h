#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "configs/config_error.h"

namespace rigsim::configs {

/// One record of a CSV file and the line it begins on (from 1; a quoted field may span lines).
struct CsvRecord {
  int line = 0;
  std::vector<std::string> fields;
};

/// A CSV file with a header: every record has as many fields as the header.
struct CsvTable {
  std::string file;  ///< as errors shall name it
  std::vector<std::string> header;
  std::vector<CsvRecord> records;

  /// Where the field of `column` in `record` stands.
  [[nodiscard]] Place place(const CsvRecord& record, std::string_view column) const;
};

/// Parses CSV as RFC 4180 has it (commas, fields in double quotes with "" for a quote, CRLF or LF;
/// empty lines are passed over). Throws ConfigError with the line: a quote that is never closed,
/// text after a closing quote, a quote inside an unquoted field, a record of another length than
/// the header, no header, a column named twice or not at all.
[[nodiscard]] CsvTable parse_csv(std::string_view text, std::string file);

}  // namespace rigsim::configs
