#include "configs/batch_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "configs/catalog.h"
#include "configs/config_error.h"
#include "configs/engine_file.h"
#include "configs/link_effects.h"

namespace rigsim::configs {
namespace {

using testing::HasSubstr;

const std::string kHeader =
    "set,series,rig,plan,engine,model,weights,kv_format,sampling,measure,prompt_tokens,"
    "output_tokens,output_cv,requests,limit,step_tokens,kv_share,batch,tokens_per_s,source,"
    "source_place,date,exclusion,note\n";

std::string message_of(const std::string& rows) {
  try {
    (void)parse_batch_rows(kHeader + rows + '\n', "x.csv");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(BatchRows, ReadWhatWasMeasuredAndHow) {
  const auto rows = parse_batch_rows(
      kHeader +
          "s,a,h100-sxm,,vllm,m,bf16,bf16,top-p,steady,200,389,0.7,1024,32,8192,0.9,31.9,3391.1,"
          "https://example.org,p,2025-12,,n\n"
          "s,b,4xh100-sxm,tp=4,tensorrt-llm,m,fp8,fp8,greedy,output,128,128,,30000,,,,,11127,u,,"
          "2025,,\n",
      "x.csv");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows[0].top_p);
  EXPECT_EQ(rows[0].measure, BatchMeasure::kSteady);
  EXPECT_DOUBLE_EQ(rows[0].output_cv, 0.7);
  EXPECT_EQ(rows[0].limit, 32);
  EXPECT_EQ(rows[0].step_tokens, 8192);
  EXPECT_EQ(rows[0].kv_share, 0.9);
  EXPECT_EQ(rows[0].batch, 31.9);
  EXPECT_FALSE(rows[1].limit);
  EXPECT_FALSE(rows[1].batch);
  EXPECT_EQ(rows[1].plan, "tp=4");
  EXPECT_TRUE(rows[1].scored());
}

std::string row(const std::string& series, const std::string& measure, const std::string& requests,
                const std::string& limit, const std::string& batch,
                const std::string& exclusion = {}) {
  return "s," + series + ",r,,e,m,w,k,greedy," + measure + ",1,8,," + requests + ',' + limit +
         ",,," + batch + ",5,u,,2025," + exclusion + ",\n";
}

TEST(BatchRows, RefuseWhatCannotBeReplayed) {
  EXPECT_THAT(
      message_of(row("a", "steady", "64", "32", "31")),
      HasSubstr("x.csv:2: requests: a steady row needs a limit and more than twice as many"));
  EXPECT_EQ(message_of(row("a", "steady", "64", "32", "31", "no steady state")), "accepted");
  EXPECT_THAT(message_of(row("a", "mean", "64", "32", "31")),
              HasSubstr("measure: must be one of output, total, steady"));
  EXPECT_THAT(message_of(row("a", "output", "0", "", "1")),
              HasSubstr("requests: must be at least 1, got 0"));
}

TEST(BatchRows, RefuseASeriesThatIsNone) {
  const std::string first = row("a", "output", "4", "4", "4");
  EXPECT_THAT(message_of(first + row("a", "output", "4", "4", "4")),
              HasSubstr("x.csv:3: batch: must increase within a series"));
  EXPECT_THAT(
      message_of(first + row("b", "output", "1", "1", "1") + row("a", "output", "8", "8", "8")),
      HasSubstr("x.csv:4: series: the rows of a series must stand together"));
}

// ---- What ships

TEST(ShippedBatches, NameWhatTheCatalogueHas) {
  const Catalog catalog = Catalog::load();
  std::set<std::string> seen;
  for (const BatchRow& row : batch_rows()) {
    SCOPED_TRACE(row.series);
    if (seen.insert(row.rig).second) {
      EXPECT_NO_THROW((void)link_rig(row.rig, catalog));
    }
    EXPECT_NO_THROW((void)catalog.model(row.model));
    EXPECT_NO_THROW((void)catalog.weights_format(row.weights));
    EXPECT_NO_THROW((void)catalog.kv_format(row.kv_format));
    if (seen.insert(row.engine).second) {
      EXPECT_TRUE(engine_named(row.engine).serving);
    }
  }
}

TEST(ShippedBatches, HoldEveryEngineOfTheBar) {
  std::map<std::string, int> scored;
  for (const BatchRow& row : batch_rows()) scored[row.set] += row.scored() ? 1 : 0;
  EXPECT_GE(scored["lmdeploy"], 20);
  EXPECT_GE(scored["tensorrt-llm (NVIDIA)"], 120);
  EXPECT_GE(scored["tensorrt-llm (Argonne)"], 280);
  EXPECT_GE(scored["ml.energy h100"], 90);
}

}  // namespace
}  // namespace rigsim::configs
