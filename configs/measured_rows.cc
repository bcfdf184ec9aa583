#include "configs/measured_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "configs/csv_row.h"
#include "configs/embedded_files.h"

namespace rigsim::configs {
namespace {

const std::vector<std::string>& columns() {
  static const std::vector<std::string> kNames = {
      "source",        "source_place",   "date",      "hardware", "rig",       "device",
      "engine",        "engine_version", "model",     "weights",  "phase",     "prompt_tokens",
      "output_tokens", "context_depth",  "batch",     "threads",  "kv_format", "flash_attention",
      "tokens_per_s",  "stddev",         "exclusion", "note"};
  return kNames;
}

constexpr std::array<std::pair<std::string_view, MeasuredPhase>, 3> kPhases = {
    {{"prefill", MeasuredPhase::kPrefill},
     {"decode", MeasuredPhase::kDecode},
     {"load", MeasuredPhase::kLoad}}};
constexpr std::array<std::pair<std::string_view, bool>, 2> kTruths = {
    {{"true", true}, {"false", false}}};

void check_scored(const CsvRow& reader, const MeasuredRow& row) {
  if (!row.scored()) return;
  if (row.tokens_per_s <= 0) reader.fail("tokens_per_s", "a scored row needs a figure above 0");
  if (row.batch < 1) reader.fail("batch", "a scored row needs at least 1 sequence");
  switch (row.phase) {
    case MeasuredPhase::kLoad:
      reader.fail("phase", "a row that timed nothing cannot be scored");
    case MeasuredPhase::kPrefill:
      if (row.prompt_tokens < 1) reader.fail("prompt_tokens", "a scored prefill needs its length");
      return;
    case MeasuredPhase::kDecode:
      if (row.output_tokens < 1) reader.fail("output_tokens", "a scored decode needs its length");
      return;
  }
}

void read_names(const CsvRow& reader, MeasuredRow& row) {
  row.source = reader.some_text("source");
  row.source_place = reader.text("source_place");
  row.date = reader.some_text("date");
  row.hardware = reader.some_text("hardware");
  row.rig = reader.some_text("rig");
  row.device = reader.some_text("device");
  row.engine = reader.some_text("engine");
  row.engine_version = reader.text("engine_version");
  row.model = reader.some_text("model");
  row.weights = reader.some_text("weights");
  row.kv_format = reader.some_text("kv_format");
  row.exclusion = reader.text("exclusion");
  row.note = reader.text("note");
}

MeasuredRow read_row(const CsvRow& reader) {
  MeasuredRow row;
  read_names(reader, row);
  row.phase = reader.choice("phase", kPhases);
  row.prompt_tokens = reader.count("prompt_tokens");
  row.output_tokens = reader.count("output_tokens");
  row.context_depth = reader.count("context_depth");
  row.batch = reader.count("batch");
  if (!reader.text("threads").empty()) {
    const std::int64_t threads = reader.count("threads");
    if (threads < 1 || threads > 4096) {
      reader.fail("threads", fmt::format("must be from 1 to 4096, got {}", threads));
    }
    row.threads = static_cast<int>(threads);
  }
  row.flash_attention = reader.choice("flash_attention", kTruths);
  row.tokens_per_s = reader.figure("tokens_per_s").value_or(0);
  row.stddev = reader.figure("stddev");
  check_scored(reader, row);
  return row;
}

}  // namespace

std::string_view to_string(MeasuredPhase phase) {
  for (const auto& [name, value] : kPhases) {
    if (value == phase) return name;
  }
  throw std::logic_error("unknown measured phase");
}

std::vector<MeasuredRow> parse_measured_rows(std::string_view csv, std::string file) {
  const CsvTable table = parse_csv(csv, std::move(file));
  check_columns(table, columns());
  std::vector<MeasuredRow> rows;
  for (const CsvRecord& record : table.records) rows.push_back(read_row({table, record}));
  return rows;
}

std::vector<MeasuredRow> measured_rows() {
  std::vector<MeasuredRow> rows;
  for (const EmbeddedFile& file : embedded_files()) {
    if (!file.path.starts_with("catalog/measured/")) continue;
    auto more = parse_measured_rows(file.text, std::string(file.path));
    rows.insert(rows.end(), std::make_move_iterator(more.begin()),
                std::make_move_iterator(more.end()));
  }
  return rows;
}

}  // namespace rigsim::configs
