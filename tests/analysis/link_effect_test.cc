#include "analysis/link_effect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace rigsim::analysis {
namespace {

using configs::LinkEffect;
using testing::HasSubstr;

PredictedEffect effect_of(double measured_b, double predicted_b) {
  PredictedEffect effect;
  effect.effect.a.measured = 100;
  effect.effect.b.measured = measured_b;
  effect.a.tokens_per_s = 50;
  effect.b.tokens_per_s = predicted_b;
  return effect;
}

// 100 -> 80 measured; 50 -> 36 predicted: 0.72 against 0.80.
TEST(LinkEffect, ComparesRatiosNotRates) {
  const PredictedEffect effect = effect_of(80, 36);
  EXPECT_DOUBLE_EQ(effect.ratio(), 0.72);
  EXPECT_TRUE(effect.sign_right());
  EXPECT_TRUE(effect.within_ten_points());
  EXPECT_FALSE(effect_of(80, 34).within_ten_points());
}

TEST(LinkEffect, HasTheWrongSignWhereItSaysFasterForSlower) {
  EXPECT_FALSE(effect_of(80, 51).sign_right());
  EXPECT_FALSE(effect_of(120, 50).sign_right());
  EXPECT_TRUE(effect_of(103, 48.5).sign_right());  // within 5 % either way: no difference
  EXPECT_FALSE(effect_of(103, 47).sign_right());
}

TEST(LinkEffect, NamesTheComparisonThatCannotBeRun) {
  LinkEffect effect;
  effect.id = "some-pair";
  effect.model = "llama-3-8b";
  effect.weights = "f16";
  effect.engine = "llama.cpp";
  effect.output_tokens = 8;
  effect.a = {"2x4091", "", 1};
  effect.b = {"2x4090", "", 1};
  try {
    (void)predict_effect(effect, configs::Catalog::load());
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_THAT(error.what(), HasSubstr("some-pair: rig \"2x4091\""));
  }
}

// ---- What ships

class ShippedLinks : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    report_ = std::make_unique<LinkReport>(
        link_report(configs::link_effects(), configs::row_split_rows(), configs::Catalog::load()));
  }
  static void TearDownTestSuite() { report_.reset(); }

  static const RowSplitSummary& row_split(const std::string& rig) {
    return *std::ranges::find_if(report_->by_rig, [&](const RowSplitSummary& entry) {
      return entry.rig == rig && entry.phase == "decode";
    });
  }

  static inline std::unique_ptr<LinkReport> report_;
};

// Only the rows of 2x 4090 were fitted to.
TEST_F(ShippedLinks, PredictTheDecodeOfRowSplits) {
  EXPECT_EQ(row_split("all").statistics.count, 43);
  EXPECT_LE(row_split("all").statistics.median, 0.12);
  EXPECT_LE(row_split("3xrtx-4090").statistics.median, 0.05);
  EXPECT_LE(row_split("2xrtx-4000-ada").statistics.median, 0.12);
}

TEST_F(ShippedLinks, KeepTheirJsonComplete) {
  const auto json = link_report_json(*report_);
  EXPECT_EQ(json["comparisons"].size(), report_->effects.size());
  EXPECT_EQ(json["excluded"].size(), report_->excluded.size());
  EXPECT_EQ(json["row_split"]["rows"].size(), 84U);
  for (const auto& entry : json["excluded"]) EXPECT_FALSE(entry["reason"].empty());
  EXPECT_THAT(link_report_table(*report_), HasSubstr("llama.cpp's row split"));
}

}  // namespace
}  // namespace rigsim::analysis
