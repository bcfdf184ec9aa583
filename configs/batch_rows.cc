#include "configs/batch_rows.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <stdexcept>
#include <utility>

#include "configs/csv_row.h"
#include "configs/embedded_files.h"

namespace rigsim::configs {
namespace {

const std::vector<std::string>& columns() {
  static const std::vector<std::string> kNames = {
      "set",          "series",    "rig",          "plan",        "engine",        "model",
      "weights",      "kv_format", "sampling",     "measure",     "prompt_tokens", "output_tokens",
      "output_cv",    "requests",  "limit",        "step_tokens", "kv_share",      "batch",
      "tokens_per_s", "source",    "source_place", "date",        "exclusion",     "note"};
  return kNames;
}

constexpr std::array<std::pair<std::string_view, BatchMeasure>, 3> kMeasures = {
    {{"output", BatchMeasure::kOutput},
     {"total", BatchMeasure::kTotal},
     {"steady", BatchMeasure::kSteady}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kSampling = {
    {{"greedy", false}, {"top-p", true}}};

std::optional<std::int64_t> some_count(const CsvRow& row, std::string_view column) {
  if (row.text(column).empty()) return std::nullopt;
  const std::int64_t count = row.count(column);
  if (count < 1) row.fail(column, fmt::format("must be at least 1, got {}", count));
  return count;
}

std::int64_t needed_count(const CsvRow& row, std::string_view column) {
  (void)row.some_text(column);
  return *some_count(row, column);
}

void check_limits(const CsvRow& reader, const BatchRow& row) {
  if (row.kv_share && !(*row.kv_share > 0 && *row.kv_share <= 1))
    reader.fail("kv_share", fmt::format("must be above 0 and at most 1, got {}", *row.kv_share));
  if (row.measure != BatchMeasure::kSteady || !row.scored()) return;
  if (!row.limit || row.requests <= 2 * *row.limit)
    reader.fail("requests", "a steady row needs a limit and more than twice as many requests");
}

BatchRow read_row(const CsvRow& reader) {
  BatchRow row;
  row.set = reader.some_text("set");
  row.series = reader.some_text("series");
  row.rig = reader.some_text("rig");
  row.plan = reader.text("plan");
  row.engine = reader.some_text("engine");
  row.model = reader.some_text("model");
  row.weights = reader.some_text("weights");
  row.kv_format = reader.some_text("kv_format");
  row.top_p = reader.choice("sampling", kSampling);
  row.measure = reader.choice("measure", kMeasures);
  row.prompt_tokens = needed_count(reader, "prompt_tokens");
  row.output_tokens = needed_count(reader, "output_tokens");
  row.output_cv = reader.figure("output_cv").value_or(0);
  row.requests = needed_count(reader, "requests");
  row.limit = some_count(reader, "limit");
  row.step_tokens = some_count(reader, "step_tokens");
  row.kv_share = reader.figure("kv_share");
  row.batch = reader.figure("batch");
  row.tokens_per_s = reader.figure("tokens_per_s").value_or(0);
  if (row.tokens_per_s <= 0) reader.fail("tokens_per_s", "must be above 0");
  row.source = reader.some_text("source");
  row.source_place = reader.text("source_place");
  row.date = reader.some_text("date");
  row.exclusion = reader.text("exclusion");
  row.note = reader.text("note");
  check_limits(reader, row);
  return row;
}

}  // namespace

std::string_view to_string(BatchMeasure measure) {
  for (const auto& [name, value] : kMeasures) {
    if (value == measure) return name;
  }
  throw std::logic_error("unknown measure of a batch");
}

std::vector<BatchRow> parse_batch_rows(std::string_view csv, std::string file) {
  const CsvTable table = parse_csv(csv, std::move(file));
  check_columns(table, columns());
  std::vector<BatchRow> rows;
  std::set<std::string> seen;
  for (const CsvRecord& record : table.records) {
    const CsvRow reader(table, record);
    BatchRow row = read_row(reader);
    const bool goes_on = !rows.empty() && rows.back().series == row.series;
    if (!goes_on && !seen.insert(row.series).second)
      reader.fail("series", "the rows of a series must stand together");
    if (goes_on && !(row.batch && rows.back().batch && *row.batch > *rows.back().batch))
      reader.fail("batch", "must increase within a series");
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<BatchRow> batch_rows() {
  constexpr std::string_view kPath = "catalog/batches/throughput.csv";
  for (const EmbeddedFile& file : embedded_files()) {
    if (file.path == kPath) return parse_batch_rows(file.text, std::string(kPath));
  }
  throw std::logic_error(fmt::format("no built-in file {}", kPath));
}

}  // namespace rigsim::configs
