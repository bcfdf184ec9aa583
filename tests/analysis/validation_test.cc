#include "analysis/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace rigsim::analysis {
namespace {

using configs::MeasuredPhase;
using configs::MeasuredRow;
using testing::HasSubstr;
using workloads::Backend;
using workloads::Evidence;

MeasuredRow row_of(const std::string& device, MeasuredPhase phase, double tokens_per_s,
                   const std::string& exclusion = {}) {
  MeasuredRow row;
  row.source = "https://example.org/table";
  row.date = "2024-05";
  row.rig = row.device = device;
  row.engine = "llama.cpp";
  row.model = "llama-3-8b";
  row.weights = "F16";
  row.phase = phase;
  (phase == MeasuredPhase::kPrefill ? row.prompt_tokens : row.output_tokens) = 512;
  row.tokens_per_s = tokens_per_s;
  row.exclusion = exclusion;
  return row;
}

/// Says 100 tokens/s of everything, +-5 %; CPUs by their name.
Prediction always_100(const MeasuredRow& row) {
  return {with_band(100, 0.05, Evidence::kFitted, "tokens/s"),
          row.device.starts_with("cpu") ? Backend::kCpu : Backend::kCuda};
}

std::vector<MeasuredRow> sample() {
  return {row_of("gpu-a", MeasuredPhase::kDecode, 100), row_of("gpu-a", MeasuredPhase::kDecode, 80),
          row_of("gpu-b", MeasuredPhase::kDecode, 125, "suspect: warm"),
          row_of("gpu-b", MeasuredPhase::kPrefill, 104),
          row_of("cpu-a", MeasuredPhase::kDecode, 50)};
}

const ErrorStatistics& statistics_of(const ValidationReport& report, const std::string& backend,
                                     const std::string& device, const std::string& phase) {
  for (const ValidationSummary& entry : report.summary) {
    if (entry.backend == backend && entry.device == device && entry.phase == phase &&
        entry.evidence == "all") {
      return entry.statistics;
    }
  }
  throw std::runtime_error("no such group: " + backend + " " + device + " " + phase);
}

// Errors: 100/100 - 1 = 0, 100/80 - 1 = 0.25, 100/104 - 1 = -0.03846 (104 is inside 95..105),
// 100/50 - 1 = 1.
TEST(Validation, ComparesScoredRowsInTheirOrderAndKeepsTheOthers) {
  const ValidationReport report = validate(sample(), always_100);
  ASSERT_EQ(report.rows.size(), 4u);
  EXPECT_EQ(report.rows[0].error, 0);
  EXPECT_DOUBLE_EQ(report.rows[1].error, 0.25);
  EXPECT_DOUBLE_EQ(report.rows[2].error, 100.0 / 104 - 1);
  EXPECT_DOUBLE_EQ(report.rows[3].error, 1);
  ASSERT_EQ(report.excluded.size(), 1u);
  EXPECT_EQ(report.excluded[0].exclusion, "suspect: warm");
}

TEST(Validation, SummarisesTheWholeGpusAndSingleDevices) {
  const ValidationReport report = validate(sample(), always_100);
  EXPECT_EQ(statistics_of(report, "all", "all", "decode").count, 3);
  EXPECT_DOUBLE_EQ(statistics_of(report, "all", "all", "decode").median, 0.25);
  const ErrorStatistics& gpu = statistics_of(report, "gpu", "all", "decode");
  EXPECT_EQ(gpu.count, 2) << "CPUs stand apart";
  EXPECT_DOUBLE_EQ(gpu.median, 0.125);
  EXPECT_DOUBLE_EQ(gpu.band_coverage, 0.5);
  EXPECT_DOUBLE_EQ(gpu.median_half_width, 0.05);
  EXPECT_DOUBLE_EQ(statistics_of(report, "all", "gpu-b", "prefill").band_coverage, 1);
  EXPECT_EQ(report.summary.front().backend, "all");
  EXPECT_EQ(report.summary.back().device, "gpu-b");
}

TEST(Validation, GivesTheSameBytesOnAnyNumberOfThreads) {
  std::vector<MeasuredRow> rows;
  for (int i = 1; i <= 500; ++i) {
    rows.push_back(row_of("gpu-" + std::to_string(i % 7), MeasuredPhase::kDecode, 50.0 + i));
  }
  const std::string one = validation_json(validate(rows, always_100, {.threads = 1})).dump();
  EXPECT_EQ(validation_json(validate(rows, always_100, {.threads = 4})).dump(), one);
  EXPECT_EQ(validation_json(validate(rows, always_100)).dump(), one);
}

TEST(Validation, ThrowsTheFirstRowsErrorWhicheverFailsFirst) {
  const Predictor refuses = [](const MeasuredRow& row) -> Prediction {
    throw std::invalid_argument("no " + row.device);
  };
  try {
    (void)validate(sample(), refuses);
    FAIL() << "no error";
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "no gpu-a");
  }
  EXPECT_THROW((void)validate({}, always_100), std::invalid_argument);
  EXPECT_THROW((void)validate(sample(), always_100, {.threads = -1}), std::invalid_argument);
}

TEST(Validation, JsonHasTheKeysThatOthersRead) {
  const auto json = validation_json(validate(sample(), always_100));
  const auto& row = json["rows"][1];
  for (const char* key : {"device", "rig", "engine", "model", "weights", "phase", "source"}) {
    EXPECT_TRUE(row[key].is_string()) << key;
  }
  EXPECT_EQ(row["predicted"].dump(),
            R"({"value":100.0,"low":95.0,"high":105.0,"evidence":"fitted"})");
  EXPECT_EQ(row["measured"], 80.0);
  EXPECT_EQ(row["error"], 0.25);
  EXPECT_EQ(row["inside_band"], false);
  EXPECT_EQ(json["excluded"][0]["reason"], "suspect: warm");
  EXPECT_EQ(json["summary"][0]["phase"], "decode");
  EXPECT_EQ(json["summary"][0]["rows"], 3);
}

TEST(Validation, TheTableShowsRowsReasonsAndSummary) {
  const std::string table = validation_table(validate(sample(), always_100));
  EXPECT_THAT(table,
              HasSubstr("gpu-a                llama-3-8b    F16     decode           512       "
                        "100        80   +25.0 %! fitted\n"));
  EXPECT_THAT(table, HasSubstr("Not scored (1), by reason:\n    1  suspect\n"));
  EXPECT_THAT(
      table, HasSubstr("gpu     all       all               all              decode     2   12.5"));
}

TEST(Validation, EveryShippedRowIsScoredOrExcluded) {
  const std::vector<MeasuredRow> rows = configs::measured_rows();
  const ValidationReport report = validate(rows, always_100);
  EXPECT_EQ(report.rows.size(), 388u + 125 + 96);
  EXPECT_EQ(report.rows.size() + report.excluded.size(), rows.size());
}

}  // namespace
}  // namespace rigsim::analysis
