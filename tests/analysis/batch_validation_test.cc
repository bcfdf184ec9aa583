#include "analysis/batch_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "configs/catalog.h"

namespace rigsim::analysis {
namespace {

using configs::BatchMeasure;
using configs::BatchRow;
using testing::HasSubstr;
using workloads::Evidence;

BatchRow row_of(const std::string& set, const std::string& series, double batch,
                double tokens_per_s) {
  BatchRow row;
  row.set = set;
  row.series = series;
  row.batch = batch;
  row.tokens_per_s = tokens_per_s;
  row.date = row.source = "x";
  return row;
}

/// 10 tokens/s of each sequence up to 32.
PredictedBatch ten_each(const BatchRow& row) {
  const double batch = std::min(row.batch.value_or(1), 32.0);
  return {with_band(10 * batch, 0.1, Evidence::kFitted, "tokens/s"), batch, 0.1};
}

// Predicted 80, 160, 320, 320. Measured 100, 190, 360, 420: errors -20, -15.8, -11.1, -23.8 %;
// shapes 2 / 1.9, 4 / 3.6, 4 / 4.2; the measured knee is at 32 (420 < 360 x 1.41), the predicted
// one, too.
TEST(BatchValidation, ComparesLevelShapeAndKnee) {
  const std::vector<BatchRow> rows{row_of("s", "a", 8, 100), row_of("s", "a", 16, 190),
                                   row_of("s", "a", 32, 360), row_of("s", "a", 64, 420)};
  const BatchReport report = validate_batches(rows, ten_each);
  ASSERT_EQ(report.rows.size(), 4U);
  EXPECT_NEAR(report.rows[1].error, 160.0 / 190 - 1, 1e-12);
  EXPECT_FALSE(report.rows[0].shape);
  EXPECT_NEAR(*report.rows[2].shape, 4 / 3.6 - 1, 1e-12);
  ASSERT_EQ(report.series.size(), 1U);
  EXPECT_EQ(report.series[0].measured_knee, 2U);
  EXPECT_EQ(report.series[0].predicted_knee, 2U);
  const BatchSummary& all = report.summaries.at(0);
  EXPECT_EQ(all.set, "all");
  EXPECT_NEAR(all.level.median, (0.2 + 30.0 / 190) / 2, 1e-12);
  EXPECT_NEAR(all.shape->median, 2 / 1.9 - 1, 1e-12);  // of 5.3, 11.1 and 4.8 %
  EXPECT_EQ(all.knees_within_one, 1);
  EXPECT_EQ(all.inner_knees, 1);
}

TEST(BatchValidation, KeepsSetsAndExcludedRowsApart) {
  std::vector<BatchRow> rows{row_of("s", "a", 8, 80), row_of("t", "b", 8, 40),
                             row_of("t", "c", 16, 1)};
  rows[1].batch.reset();  // an offline run: nobody counted
  rows[2].exclusion = "suspect";
  const BatchReport report = validate_batches(rows, ten_each);
  ASSERT_EQ(report.summaries.size(), 3U);
  EXPECT_EQ(report.summaries[1].set, "s");
  EXPECT_NEAR(report.summaries[1].level.median, 0, 1e-12);
  EXPECT_NEAR(report.summaries[2].level.median, 0.75, 1e-12);
  EXPECT_FALSE(report.summaries[2].shape);
  EXPECT_EQ(report.excluded.size(), 1U);
  const auto json = batch_report_json(report);
  EXPECT_EQ(json.at("excluded")[0].at("reason"), "suspect");
  EXPECT_TRUE(json.at("rows")[1].at("batch").is_null());
  EXPECT_THAT(batch_report_table(report), HasSubstr("Not scored: 1 rows"));
}

TEST(BatchValidation, ThrowsWhatTheFirstRowThrows) {
  const std::vector<BatchRow> rows{row_of("s", "a", 8, 80), row_of("s", "b", 8, 80)};
  const BatchPredictor refuse = [](const BatchRow& row) -> PredictedBatch {
    throw std::invalid_argument(row.series);
  };
  try {
    (void)validate_batches(rows, refuse);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "a");
  }
}

// ---- Replays

BatchRow real_row(BatchMeasure measure, std::int64_t requests, std::int64_t limit) {
  BatchRow row = row_of("s", "a", static_cast<double>(limit), 1);
  row.rig = "a100-80gb-sxm";
  row.engine = "vllm";
  row.model = "llama-3-8b";
  row.weights = "bf16";
  row.kv_format = "bf16";
  row.measure = measure;
  row.prompt_tokens = 128;
  row.output_tokens = 64;
  row.requests = requests;
  row.limit = limit;
  return row;
}

PredictedBatch replayed(const BatchRow& row) {
  static const configs::Catalog kCatalog = configs::Catalog::load();
  return replay(row, configs::engine_named(row.engine), kCatalog);
}

// 128 + 64 tokens of which 64 are output: three times as many.
TEST(BatchReplay, CountsPromptsWhereTheSourceDoes) {
  const PredictedBatch output = replayed(real_row(BatchMeasure::kOutput, 8, 8));
  const PredictedBatch total = replayed(real_row(BatchMeasure::kTotal, 8, 8));
  EXPECT_NEAR(total.tokens_per_s.value / output.tokens_per_s.value, 3, 1e-12);
}

// Three waves of eight equal requests: the window goes from the first wave's first tokens to the
// second's. In it each of eight sequences gets 64 tokens, 63 of them in decode steps.
TEST(BatchReplay, TheSteadyStateIsOneWaveOfEqualRequests) {
  const PredictedBatch steady = replayed(real_row(BatchMeasure::kSteady, 24, 8));
  const double wave_s = 8 * 64 / steady.tokens_per_s.value;
  EXPECT_GT(wave_s, 63 * steady.decode_step_s);
  EXPECT_LT(wave_s, 70 * steady.decode_step_s);
  EXPECT_NEAR(steady.mean_batch, 8, 0.5);
}

// Each of about 64 steps takes 1 ms and, for the logits of one row, 128,256 x 1,300 B over 2.039
// TB/s longer.
TEST(BatchReplay, TopPTakesItsTimeInEveryStep) {
  BatchRow row = real_row(BatchMeasure::kOutput, 1, 1);
  const double greedy_s = 64 / replayed(row).tokens_per_s.value;
  row.top_p = true;
  const double drawn_s = 64 / replayed(row).tokens_per_s.value;
  EXPECT_NEAR(drawn_s - greedy_s, 64 * (1e-3 + 128'256 * 1'300 / 2.039e12), 0.02e-3);
}

TEST(BatchReplay, NamesTheSeriesThatCannotBe) {
  BatchRow row = real_row(BatchMeasure::kOutput, 1, 1);
  row.model = "llama-3-70b";
  try {
    (void)replayed(row);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "a: the model does not fit");
  }
}

}  // namespace
}  // namespace rigsim::analysis
