#include "configs/csv_table.h"

#include <fmt/format.h>

#include <set>
#include <utility>

namespace rigsim::configs {
namespace {

/// Cuts the text into fields, one record at a time.
class CsvScanner {
 public:
  CsvScanner(std::string_view text, std::string_view file) : text_(text), file_(file) {}

  /// Reads the next record that is not an empty line; false at the end.
  bool next(CsvRecord& record) {
    while (at_ < text_.size() && end_of_line()) {
    }
    if (at_ == text_.size()) return false;
    record = {line_, {}};
    do {
      record.fields.push_back(peek() == '"' ? quoted() : plain());
    } while (comma());
    if (at_ < text_.size() && !end_of_line()) fail(line_, "text after a closing quote");
    return true;
  }

 private:
  [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\n'; }

  bool comma() {
    if (peek() != ',' || at_ == text_.size()) return false;
    ++at_;
    return true;
  }

  bool end_of_line() {
    const std::string_view rest = text_.substr(at_);
    const std::size_t length = rest.starts_with("\r\n") ? 2 : rest.starts_with('\n') ? 1 : 0;
    at_ += length;
    if (length > 0) ++line_;
    return length > 0;
  }

  std::string plain() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' &&
           !text_.substr(at_).starts_with("\r\n")) {
      if (text_[at_] == '"') fail(line_, "a quote inside a field that does not begin with one");
      ++at_;
    }
    return std::string(text_.substr(begin, at_ - begin));
  }

  std::string quoted() {
    const int opened = line_;
    std::string field;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        if (peek() != '"') return field;
      }
      if (text_[at_] == '\n') ++line_;
      field += text_[at_];
    }
    fail(opened, "a quote that is never closed");
  }

  [[noreturn]] void fail(int line, std::string message) const {
    throw ConfigError({std::string(file_), line, 0, {}}, std::move(message));
  }

  std::string_view text_;
  std::string_view file_;
  std::size_t at_ = 0;
  int line_ = 1;
};

void check_header(const CsvTable& table, int line) {
  std::set<std::string_view> seen;
  for (const std::string& column : table.header) {
    if (column.empty()) throw ConfigError({table.file, line, 0, {}}, "a column without a name");
    if (!seen.insert(column).second) {
      throw ConfigError({table.file, line, 0, column}, "the column is named twice");
    }
  }
}

}  // namespace

Place CsvTable::place(const CsvRecord& record, std::string_view column) const {
  return {file, record.line, 0, std::string(column)};
}

CsvTable parse_csv(std::string_view text, std::string file) {
  CsvTable table{std::move(file), {}, {}};
  CsvScanner scanner(text, table.file);
  CsvRecord record;
  if (!scanner.next(record)) throw ConfigError({table.file, 1, 0, {}}, "the header is missing");
  table.header = std::move(record.fields);
  check_header(table, record.line);
  while (scanner.next(record)) {
    if (record.fields.size() != table.header.size()) {
      throw ConfigError(
          {table.file, record.line, 0, {}},
          fmt::format("{} fields, the header has {}", record.fields.size(), table.header.size()));
    }
    table.records.push_back(std::move(record));
  }
  return table;
}

}  // namespace rigsim::configs
