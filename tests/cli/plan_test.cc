#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kWork =
    " --model llama-3-8b --weights f16 --engine vllm --prompt 64 "
    "--output-tokens 4 ";

TEST(ComparePlans, ABatchListGivesOneComparisonForEach) {
  const std::string question =
      "compare --rig 2x4090 --rig a6000" + kWork + "--plan tp=2 --batch 1,2,16";
  const json answer = document(question + " --json");
  ASSERT_EQ(answer.at("by_batch").size(), 3U);
  double before = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    const json& batch = answer.at("by_batch")[i];
    EXPECT_EQ(batch.at("batch"), (std::vector<int>{1, 2, 16})[i]);
    EXPECT_EQ(batch.at("scenario").at("batch"), batch.at("batch"));
    EXPECT_EQ(batch.at("rigs")[0].at("name"), "2x4090");
    EXPECT_EQ(batch.at("rigs")[1].at("name"), "a6000");
    const double rate = batch.at("rigs")[0].at("decode_tokens_per_s").at("value");
    EXPECT_GT(rate, before);
    before = rate;
  }
  const Outcome table = rigsim(question);
  EXPECT_THAT(table.out, HasSubstr("batch"));
  EXPECT_THAT(table.out, HasSubstr("2x4090, tokens/s"));
  EXPECT_THAT(table.out, HasSubstr("link, %"));
}

TEST(ComparePlans, OneBatchOfAListIsWhatThatBatchGives) {
  const std::string question = "compare --rig 2x4090 --rig a6000" + kWork + "--plan tp=2 --batch ";
  json one = document(question + "4 --json");
  const json several = document(question + "2,4 --json");
  one.erase("version");
  one.erase("commit");
  json second = several.at("by_batch")[1];
  second.erase("batch");
  EXPECT_EQ(second, one);
}

TEST(ComparePlans, ABatchListIsForComparing) {
  const Outcome run = rigsim("run --rig 2x4090" + kWork + "--batch 1,2");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("--batch: takes one number here"));
  EXPECT_THAT(rigsim("compare --rig 2x4090" + kWork + "--batch 1,,2").err, HasSubstr("--batch"));
  EXPECT_THAT(rigsim("compare --rig 2x4090" + kWork + "--batch 2,2").err,
              HasSubstr("--batch: 2 is given twice"));
}

// Twelve heads, 25 heads: what eight or forty devices do unasked is something that can be done.
TEST(DefaultPlans, AreValidWhateverTheModel) {
  for (const char* question : {"--rig 8xh100-sxm --model gpt2 --weights f16",
                               "--rig 40x4090 --model llama-3-8b --weights f16",
                               "--rig 3xa6000 --model llama-3-8b --weights f16"}) {
    const json answer = document(std::string("compare ") + question +
                                 " --engine vllm --prompt 16 --output-tokens 2 --json");
    EXPECT_EQ(answer.at("rigs")[0].at("fits"), true) << question;
  }
}

// Two replicas decode twice what one does.
TEST(DataParallel, AddsUpTheRates) {
  const auto rate = [](const std::string& plan) {
    return document("run --rig 2x4090" + kWork + plan + " --json")
        .at("rigs")[0]
        .at("decode_tokens_per_s")
        .at("value")
        .get<double>();
  };
  EXPECT_DOUBLE_EQ(rate("--plan dp=2 --batch 8"), 2 * rate("--plan tp=1 --batch 4"));
}

// A steady step shows after three others, which are longer than this prompt.
TEST(Pipelines, MayDecodeLongerThanThePrompt) {
  const json rig =
      document(
          "run --rig 4x4090 --model llama-3-8b --weights f16 --engine vllm --plan pp=4 "
          "--batch 4 --prompt 16 --output-tokens 3 --json")
          .at("rigs")[0];
  EXPECT_GT(rig.at("decode_tokens_per_s").at("value"), 0);
}

TEST(PlacementOption, FindsTheBridges) {
  const std::string question = "run --rig 4x3090-nvlink" + kWork + "--plan tp=2,pp=2 --json";
  const auto plan = [&](const std::string& more) {
    return document(question + more).at("rigs")[0].at("plan").get<std::string>();
  };
  EXPECT_THAT(plan(" --placement search"), HasSubstr("devices=0/1/2/3"));
  EXPECT_THAT(plan(" --devices 0,2,1,3"), HasSubstr("devices=0/2/1/3"));
}

TEST(PlacementOption, RefusesWhatCannotBe) {
  const std::string question = "run --rig 4x3090-nvlink" + kWork + "--plan tp=2,pp=2 ";
  EXPECT_THAT(rigsim(question + "--devices 0,1").err,
              HasSubstr("devices must name the 4 devices of tp x pp x dp, got 2"));
  EXPECT_THAT(rigsim(question + "--devices 0,1,2,2").err, HasSubstr("devices names 2 twice"));
  EXPECT_THAT(rigsim(question + "--devices 0,1,2,9").err, HasSubstr("devices must be from 0 to 3"));
  EXPECT_THAT(rigsim(question + "--placement best").err,
              HasSubstr("--placement: must be order or search"));
  EXPECT_THAT(rigsim(question + "--placement search --devices 0,1,2,3").err,
              HasSubstr("--devices"));
}

}  // namespace
}  // namespace rigsim::cli::test
