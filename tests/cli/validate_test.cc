#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(Validate, EveryRowSaysWhatWasPredictedAndMeasured) {
  const json report = document("validate --json");
  EXPECT_GE(report.at("rows").size(), 600U);
  for (const json& row : report.at("rows")) {
    for (const char* key : {"device", "rig", "engine", "model", "weights", "phase", "source"}) {
      EXPECT_TRUE(row.at(key).is_string()) << key;
    }
    for (const char* key : {"value", "low", "high", "evidence"}) {
      EXPECT_TRUE(row.at("predicted").contains(key)) << key;
    }
    EXPECT_GT(row.at("measured"), 0);
  }
  EXPECT_NE(report.at("version"), "");
}

TEST(Validate, LeavingADeviceOutPredictsItFromItsFamily) {
  const json report = document("validate --leave-one-out --json");
  int datasheet = 0;
  for (const json& row : report.at("rows")) {
    if (row.at("predicted").at("evidence") == "datasheet") ++datasheet;
  }
  EXPECT_GT(datasheet, 400);
}

// What it prints is checked by tests/scripts/batch_accuracy.py.
TEST(Validate, HelpSaysThatBatchesCanBeReplayed) {
  const Outcome help = rigsim("validate --help");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out, HasSubstr("--batches"));
}

TEST(Validate, TheTableEndsWithASummary) {
  const Outcome run = rigsim("validate");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("Not scored"));
}

}  // namespace
}  // namespace rigsim::cli::test
