#include "configs/traffic/trace_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "configs/nearest_name.h"
#include "configs/traffic/trace_rows.h"

namespace rigsim::configs {
namespace {

/// A form of CSV by the names of its columns.
struct CsvForm {
  std::string_view name;
  std::string_view time;
  TimeUnit unit;
  std::string_view prompt;
  std::string_view output;
  std::int64_t least_output = 1;
  bool time_optional = false;

  [[nodiscard]] std::array<std::string_view, 3> columns() const { return {time, prompt, output}; }
};

// Azure/AzurePublicDataset, HPMLL/BurstGPT, microsoft/vidur (processed_traces).
constexpr std::array kForms = {
    CsvForm{"Azure CSV", "TIMESTAMP", TimeUnit::kClock, "ContextTokens", "GeneratedTokens"},
    CsvForm{"BurstGPT CSV", "Timestamp", TimeUnit::kSeconds, "Request tokens", "Response tokens",
            0},
    CsvForm{"Vidur CSV", "arrived_at", TimeUnit::kSeconds, "num_prefill_tokens",
            "num_decode_tokens", 1, true},
};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Takes the field at the front of `rest` and the comma behind it; quotes stay out.
std::string_view take_field(std::string_view& rest) {
  std::size_t end = 0;
  std::string_view field;
  if (rest.starts_with('"') && (end = rest.find('"', 1)) != std::string_view::npos) {
    field = rest.substr(1, end - 1);
    end = std::min(rest.find(',', end), rest.size());
  } else {
    end = std::min(rest.find(','), rest.size());
    field = rest.substr(0, end);
  }
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return trimmed(field);
}

/// Cuts `line` into `fields`, which keep their room.
void split(std::string_view line, std::vector<std::string_view>& fields) {
  fields.clear();
  const bool more = line.ends_with(',');
  while (!line.empty()) fields.push_back(take_field(line));
  if (more) fields.emplace_back();
}

using Header = std::vector<std::string_view>;

std::optional<std::size_t> index_of(const Header& header, std::string_view column) {
  const auto found = std::find(header.begin(), header.end(), column);
  if (found == header.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header.begin());
}

/// The form most of whose columns are there; the first of equals. None without any.
const CsvForm* form_of(const Header& header) {
  const CsvForm* best = nullptr;
  std::ptrdiff_t most = 0;
  for (const CsvForm& form : kForms) {
    const auto columns = form.columns();
    const auto there = std::count_if(columns.begin(), columns.end(),
                                     [&](auto c) { return index_of(header, c).has_value(); });
    if (there > most) best = &form;
    most = std::max(most, there);
  }
  return best;
}

/// Where the columns of the form stand.
struct Columns {
  std::optional<std::size_t> time;
  std::size_t prompt = 0;
  std::size_t output = 0;
  std::size_t count = 0;
};

Columns columns_of(const CsvForm& form, const Header& header, const TraceSource& source) {
  const auto needed = [&](std::string_view column) {
    const auto index = index_of(header, column);
    if (index) return *index;
    const std::vector<std::string> names(header.begin(), header.end());
    throw ConfigError({source.file(), source.line(), 0, std::string(column)},
                      fmt::format("the column is missing from what looks like {}{}", form.name,
                                  did_you_mean(column, names)));
  };
  Columns columns{index_of(header, form.time), needed(form.prompt), needed(form.output),
                  header.size()};
  if (!form.time_optional) columns.time = needed(form.time);
  return columns;
}

/// Reads rows of one form.
class CsvRowReader {
 public:
  CsvRowReader(const CsvForm& form, const Columns& columns) : form_(form), columns_(columns) {}

  void operator()(std::string_view line, const RowPlace& place, TraceRow& row) {
    split(line, fields_);
    if (fields_.size() != columns_.count) {
      throw ConfigError({place.file, place.line, 0, {}},
                        fmt::format("must have {} fields as the header has, got {}", columns_.count,
                                    fields_.size()));
    }
    if (columns_.time) {
      row.arrival_ns = time_ns(fields_[*columns_.time], form_.unit, place, form_.time);
    }
    row.prompt_tokens = token_count(fields_[columns_.prompt], 1, place, form_.prompt);
    row.output_tokens =
        token_count(fields_[columns_.output], form_.least_output, place, form_.output);
  }

 private:
  const CsvForm& form_;
  Columns columns_;
  std::vector<std::string_view> fields_;
};

}  // namespace

Trace read_trace_csv(TraceSource& source, const TraceOptions& options) {
  std::string_view line;
  if (!source.next(line)) throw ConfigError({source.file(), 0, 0, {}}, "is empty");
  const std::string first(line);
  std::string_view start = first;
  if (start.starts_with("\xef\xbb\xbf")) start.remove_prefix(3);
  Header header;
  split(start, header);
  const CsvForm* form = form_of(header);
  if (form == nullptr) fail_unknown_form({source.file(), source.line()}, start);
  const Columns columns = columns_of(*form, header, source);
  CsvRowReader read(*form, columns);
  TraceRows rows(source.file(), {form->name, form->time, columns.time.has_value(), 0}, options);
  while (source.next(line)) {
    if (line.empty()) continue;
    const RowPlace place{source.file(), source.line()};
    rows.add(place.line, [&](TraceRow& row, auto&) { read(line, place, row); });
  }
  return std::move(rows).finish();
}

}  // namespace rigsim::configs
