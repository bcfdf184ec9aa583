#include "configs/measured_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/csv_table.h"
#include "configs/input_file.h"

namespace rigsim::configs {
namespace {

using testing::HasSubstr;

constexpr std::string_view kHeader =
    "source,source_place,date,hardware,rig,device,engine,engine_version,model,weights,phase,"
    "prompt_tokens,output_tokens,context_depth,batch,threads,kv_format,flash_attention,"
    "tokens_per_s,stddev,exclusion,note\n";

/// A row with the given end: "phase,prompt,output,depth,batch,threads,kv,fa,tokens_per_s,..."
std::string csv_of(std::string_view end) {
  return std::string(kHeader) + "s,p,2024,h,rtx-4090,rtx-4090,llama.cpp,b1,llama-3-8b,F16," +
         std::string(end) + "\n";
}

std::string error_of(const std::string& csv) {
  try {
    (void)parse_measured_rows(csv, "m.csv");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::vector<MeasuredRow> rows_of(std::string_view source_end) {
  std::vector<MeasuredRow> out;
  for (MeasuredRow& row : measured_rows()) {
    if (row.source.ends_with(source_end)) out.push_back(std::move(row));
  }
  return out;
}

const MeasuredRow& the_row(const std::vector<MeasuredRow>& rows, const std::string& rig,
                           const std::string& model, const std::string& weights,
                           MeasuredPhase phase, std::int64_t tokens) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const MeasuredRow& row) {
    return row.rig == rig && row.model == model && row.weights == weights && row.phase == phase &&
           row.engine != "ik_llama.cpp" &&
           (phase == MeasuredPhase::kPrefill ? row.prompt_tokens : row.output_tokens) == tokens;
  });
  if (found == rows.end()) throw std::runtime_error("no such row: " + rig + " " + model);
  return *found;
}

TEST(MeasuredRows, ReadEveryColumn) {
  const auto rows = parse_measured_rows(
      csv_of("decode,0,128,512,1,16,q8_0,true,25.26,0.5,,\"a, note\""), "m.csv");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].phase, MeasuredPhase::kDecode);
  EXPECT_EQ(rows[0].output_tokens, 128);
  EXPECT_EQ(rows[0].context_depth, 512);
  EXPECT_EQ(rows[0].threads, 16);
  EXPECT_EQ(rows[0].kv_format, "q8_0");
  EXPECT_TRUE(rows[0].flash_attention);
  EXPECT_DOUBLE_EQ(rows[0].tokens_per_s, 25.26);
  EXPECT_EQ(rows[0].stddev, 0.5);
  EXPECT_TRUE(rows[0].scored());
  EXPECT_EQ(rows[0].note, "a, note");
}

TEST(MeasuredRows, RefuseWrongFieldsWithFileLineAndColumn) {
  EXPECT_THAT(error_of(csv_of("decoding,0,1,0,1,,f16,false,1,,,")),
              HasSubstr("m.csv:2: phase: must be one of prefill, decode, load, got \"decoding\""));
  EXPECT_THAT(error_of(csv_of("decode,0,1.5,0,1,,f16,false,1,,,")),
              HasSubstr("m.csv:2: output_tokens:"));
  EXPECT_THAT(error_of(csv_of("decode,0,1,0,1,,f16,no,1,,,")),
              HasSubstr("m.csv:2: flash_attention:"));
  EXPECT_THAT(error_of(csv_of("decode,0,1,0,1,,f16,false,-3,,,")),
              HasSubstr("must be >= 0, got \"-3\""));
  EXPECT_THAT(error_of(csv_of("decode,0,1,0,1,0,f16,false,3,,,")), HasSubstr("m.csv:2: threads:"));
  EXPECT_THAT(error_of("rigg\n1\n"),
              HasSubstr("m.csv:1: rigg: unknown column, did you mean \"rig\"?"));
  EXPECT_THAT(error_of("rig\n1\n"), HasSubstr("the column is missing"));
}

TEST(MeasuredRows, AScoredRowNeedsAFigureAndTheLengthThatWasTimed) {
  EXPECT_THAT(error_of(csv_of("decode,0,128,0,1,,f16,false,,,,")),
              HasSubstr("needs a figure above 0"));
  EXPECT_THAT(error_of(csv_of("prefill,0,0,0,1,,f16,false,9,,,")), HasSubstr("needs its length"));
  EXPECT_THAT(error_of(csv_of("load,0,0,0,1,,f16,false,9,,,")), HasSubstr("timed nothing"));
  EXPECT_EQ(error_of(csv_of("load,0,0,0,1,,f16,false,,,did not fit,")), "no error");
}

TEST(MeasuredRows, ShipEveryRowOfTheirSourcesScoredOrWithAReason) {
  std::map<std::string, int> scored;
  std::map<std::string, int> all;
  for (const MeasuredRow& row : measured_rows()) {
    ++all[row.engine];
    scored[row.engine] += row.scored() ? 1 : 0;
  }
  // 448 rows of May 2024 (34 out of memory, 26 suspect) and 160 of one CPU (64 with flash
  // attention).
  EXPECT_EQ(all["llama.cpp"], 448 + 160);
  EXPECT_EQ(scored["llama.cpp"], 388 + 96);
  // 252 single-device rows: 94 out of memory, 11 suspect, 21 of unstated length, 1 off the GPU.
  EXPECT_EQ(all["llama.cpp-2023-12"], 252);
  EXPECT_EQ(scored["llama.cpp-2023-12"], 125);
  EXPECT_EQ(all["ik_llama.cpp"], 115);
  EXPECT_EQ(scored["ik_llama.cpp"], 0);
}

TEST(MeasuredRows, CountExclusionsByTheirReason) {
  std::map<std::string, int> reasons;
  for (const MeasuredRow& row : measured_rows()) {
    if (!row.scored()) ++reasons[row.exclusion.substr(0, row.exclusion.find_first_of(":("))];
  }
  EXPECT_EQ(reasons["did not fit"], 34 + 94);
  EXPECT_EQ(reasons["suspect"], 26 + 11);
  EXPECT_EQ(reasons["prompt length not stated"], 21);
  EXPECT_EQ(reasons["another engine "], 115);
  EXPECT_EQ(reasons["ran on the CPU, or swapped"], 1);
  EXPECT_EQ(reasons["run with flash attention, which the engine profile does not use "], 64);
  EXPECT_EQ(reasons.size(), 6u);
}

TEST(MeasuredRows, HoldTheFiguresThatTheirSourcesPrint) {
  const auto rows = rows_of("GPU-Benchmarks-on-LLM-Inference");
  using P = MeasuredPhase;
  EXPECT_EQ(the_row(rows, "rtx-3070", "llama-3-8b", "Q4_K_M", P::kPrefill, 512).tokens_per_s,
            2402.51);
  EXPECT_EQ(the_row(rows, "rtx-3070", "llama-3-8b", "Q4_K_M", P::kDecode, 512).tokens_per_s, 72.79);
  EXPECT_EQ(the_row(rows, "rtx-3070", "llama-3-8b", "Q4_K_M", P::kDecode, 512).stddev, 0.13);
  EXPECT_EQ(the_row(rows, "2x4090", "llama-3-70b", "Q4_K_M", P::kDecode, 1024).tokens_per_s, 19.06);
  EXPECT_EQ(the_row(rows, "2x4090", "llama-3-70b", "Q4_K_M", P::kPrefill, 1024).tokens_per_s,
            905.38);
  EXPECT_EQ(the_row(rows, "rtx-a6000", "llama-3-70b", "Q4_K_M", P::kDecode, 1024).tokens_per_s,
            14.58);
  EXPECT_EQ(the_row(rows, "rtx-a6000", "llama-3-70b", "Q4_K_M", P::kPrefill, 1024).tokens_per_s,
            466.82);
  EXPECT_EQ(the_row(rows, "4x3090@230W", "llama-3-8b", "F16", P::kDecode, 4096).tokens_per_s,
            44.76);
  EXPECT_EQ(the_row(rows, "rtx-4090", "llama-1-30b", "Q4_0", P::kPrefill, 494).tokens_per_s,
            1414.5);
  EXPECT_EQ(the_row(rows, "m3-10c", "llama-1-7b", "Q4_0", P::kDecode, 1024).tokens_per_s, 19.68);
  const auto cpu = rows_of("ikawrakow/ik_llama.cpp");
  const MeasuredRow& q4ks =
      the_row(cpu, "ryzen-9-7950x", "llama-3.1-8b", "Q4_K_S", P::kDecode, 128);
  EXPECT_EQ(q4ks.tokens_per_s, 9.57);
  EXPECT_EQ(q4ks.threads, 2);
}

TEST(MeasuredRows, NameRigsDevicesModelsAndFormatsOfTheCatalogue) {
  const Catalog catalog = Catalog::load();
  std::set<std::string> seen;
  for (const MeasuredRow& row : measured_rows()) {
    if (seen.insert(row.rig).second) {
      const topology::Rig rig = catalog.rig(row.rig);
      for (const auto& installed : rig.devices) EXPECT_EQ(installed.device.name, row.device);
      EXPECT_EQ(rig.devices.size(), row.rig[1] == 'x' ? row.rig[0] - '0' : 1u) << row.rig;
      EXPECT_EQ(rig.devices[0].power_limit.has_value(), row.rig.ends_with("@230W")) << row.rig;
    }
    if (!row.scored()) continue;
    if (seen.insert(row.model).second) {
      EXPECT_NE(catalog.find_model(row.model), nullptr) << row.model;
    }
    if (seen.insert(row.weights).second) {
      EXPECT_NO_THROW((void)catalog.weights_format(row.weights));
    }
  }
}

/// The folder of collected measurements beside the checkout; empty where there is none.
std::filesystem::path collected() {
  const char* variable = std::getenv("RIGSIM_SHARED");
  const std::filesystem::path shared =
      variable != nullptr ? variable : RIGSIM_SOURCE_DIR "/../shared";
  const auto folder = shared / "data" / "measured";
  return std::filesystem::is_directory(folder) ? folder : std::filesystem::path{};
}

struct SourceRow {
  const CsvTable& table;
  const CsvRecord& record;
  [[nodiscard]] std::string text(std::string_view column) const {
    const auto found = std::find(table.header.begin(), table.header.end(), column);
    return record.fields[static_cast<std::size_t>(found - table.header.begin())];
  }
  [[nodiscard]] double number(std::string_view column) const {
    const std::string found = text(column);
    return found.empty() ? 0 : std::stod(found);
  }
};

void expect_same(const MeasuredRow& ours, const SourceRow& theirs) {
  EXPECT_EQ(ours.hardware, theirs.text("hardware"));
  EXPECT_EQ(ours.date, theirs.text("date"));
  EXPECT_EQ(to_string(ours.phase), theirs.text("phase"));
  EXPECT_EQ(static_cast<double>(ours.prompt_tokens), theirs.number("prompt_len"));
  EXPECT_EQ(static_cast<double>(ours.output_tokens), theirs.number("gen_len"));
  EXPECT_EQ(static_cast<double>(ours.context_depth), theirs.number("ctx_depth"));
  EXPECT_EQ(ours.tokens_per_s, theirs.number("tokens_per_s"));
  EXPECT_EQ(ours.stddev.value_or(0), theirs.number("stddev"));
  if (ours.scored()) {
    EXPECT_EQ(theirs.text("status"), "ok");
  }
  if (theirs.text("status") == "suspect") {
    EXPECT_TRUE(ours.exclusion.starts_with("suspect"));
  }
  if (theirs.text("status") == "OOM") {
    EXPECT_TRUE(ours.exclusion.starts_with("did not fit"));
  }
}

/// Compares the shipped rows that `ours` picks, in order, with the rows of `file` that `wanted`
/// picks.
template <class Ours, class Theirs>
void compare(const std::filesystem::path& file, Ours&& ours, Theirs&& wanted) {
  const CsvTable table = parse_csv(read_whole_file(file, 16U << 20U), file.string());
  std::vector<MeasuredRow> shipped;
  for (MeasuredRow& row : measured_rows()) {
    if (ours(row)) shipped.push_back(std::move(row));
  }
  std::size_t next = 0;
  for (const CsvRecord& record : table.records) {
    const SourceRow source{table, record};
    if (!wanted(source)) continue;
    ASSERT_LT(next, shipped.size());
    SCOPED_TRACE(file.string() + ":" + std::to_string(record.line));
    expect_same(shipped[next++], source);
  }
  EXPECT_EQ(next, shipped.size());
}

TEST(MeasuredRows, EqualTheCollectedTablesValueByValue) {
  const std::filesystem::path folder = collected();
  if (folder.empty()) GTEST_SKIP() << "no collected measurements: set RIGSIM_SHARED";
  compare(
      folder / "llama_cpp_llama3.csv", [](const auto& r) { return r.date == "2024-05"; },
      [](const SourceRow&) { return true; });
  compare(
      folder / "llama_cpp_llama1_2.csv",
      [](const auto& r) { return r.engine == "llama.cpp-2023-12"; },
      [](const SourceRow& r) { return r.text("n_gpu") == "1"; });
  compare(
      folder / "cpu_and_hybrid_ik_llama.csv",
      [](const auto& r) { return r.device == "ryzen-9-7950x"; },
      [](const SourceRow& r) { return r.text("hardware") == "Ryzen 9 7950X"; });
}

}  // namespace
}  // namespace rigsim::configs
