#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModel = " --model llama-3-70b --weights q4_k_m --engine llama.cpp";
const std::string kQuestion = "compare --rig 2x4090 --rig a6000" + kModel;

// 561 products of two events (11 us) and two staged copies (12 us): 12.3 and 13.5 of some 56 ms a
// token.
TEST(Split, OfRowsAnswersWithTheLinksShare) {
  const json answer = document(kQuestion + " --split row --json");
  const json& pair = answer.at("rigs")[0];
  EXPECT_THAT(pair.at("plan").get<std::string>(), HasSubstr("split=row"));
  EXPECT_NEAR(pair.at("exposed_transfer_fraction").at("value"), 0.25, 0.03);
  EXPECT_NEAR(pair.at("critical_path_s").at("host").get<double>() /
                  pair.at("critical_path_s").at("link").get<double>(),
              11.0 / 12, 0.1);
  EXPECT_GT(pair.at("time_share").at("link"), 0.2);
  EXPECT_EQ(pair.at("decode_tokens_per_s").at("evidence"), "datasheet");
  EXPECT_EQ(answer.at("rigs")[1].at("time_share").at("link"), 0);
}

// Half the weights each, and 160 exchanges of some microseconds: faster than whole layers in turn.
TEST(Split, OfTensorsIsFasterThanOfLayers) {
  const auto decode = [](const std::string& mode) {
    const json answer = document(kQuestion + " --split " + mode + " --json");
    return answer.at("rigs")[0].at("decode_tokens_per_s").at("value").get<double>();
  };
  EXPECT_GT(decode("tensor"), 1.5 * decode("layer"));
  EXPECT_LT(decode("row"), decode("layer"));
}

TEST(Split, IsUnderstoodByRunAndFit) {
  for (const char* mode : {"layer", "row", "tensor"}) {
    EXPECT_EQ(rigsim("run --rig 2x4090" + kModel + " --split " + mode).code, 0) << mode;
  }
  const json fit = document("fit --rig 2x4090" + kModel + " --split row --json");
  EXPECT_FALSE(fit.empty());
}

TEST(Split, IsRefusedWhereTheEngineOrTheModelCannot) {
  const Outcome vllm =
      rigsim("run --rig 2x4090 --model llama-3-8b --weights f16 --engine vllm --split row");
  EXPECT_EQ(vllm.code, 2);
  EXPECT_THAT(vllm.err, HasSubstr("vllm splits by layer only"));
  const Outcome experts =
      rigsim("run --rig 2x4090 --model mixtral-8x7b --weights q4_0 --split row");
  EXPECT_EQ(experts.code, 2);
  EXPECT_THAT(experts.err, HasSubstr("not routed experts"));
}

TEST(Split, ValidateLinksSaysWhatALinkDoes) {
  const json report = document("validate --links --json");
  for (const json& entry : report.at("comparisons")) {
    EXPECT_GT(entry.at("predicted_ratio"), 0) << entry.at("id");
    if (entry.at("a").at("plan") != entry.at("b").at("plan")) continue;
    // The same work over another link: what is slower waits longer for it.
    const double slower = entry.at("predicted_ratio").get<double>() - 1;
    const double waits =
        entry.at("b").at("link_share").get<double>() - entry.at("a").at("link_share").get<double>();
    EXPECT_LE(slower * waits, 1e-9) << entry.at("id");
  }
  EXPECT_EQ(report.at("summary").at("scored"), report.at("comparisons").size());
  // What docs/model.md promises; better is welcome.
  EXPECT_GE(report.at("summary").at("sign_right"), 43);
  EXPECT_GE(report.at("summary").at("within_ten_points"), 34);
  EXPECT_THAT(rigsim("validate --links").out, HasSubstr("within 10 points in"));
}

}  // namespace
}  // namespace rigsim::cli::test
