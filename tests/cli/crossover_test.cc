#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(Crossover, OneTableOfRigsFormatsAndPlans) {
  const auto run = rigsim(
      "crossover --rig 2x4090 --rig a6000 --model llama-3-70b --weights awq,bf16 --engine vllm "
      "--plan pp=2 --plan tp=2");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("most of a step, from batch"));
  EXPECT_THAT(run.out, HasSubstr("768 GB/s"));
  const json rows =
      document(
          "crossover --rig 2x4090 --rig a6000 --model llama-3-70b --weights awq,bf16 --engine vllm "
          "--plan pp=2 --plan tp=2 --json")
          .at("rows");
  ASSERT_EQ(rows.size(), 6U);  // a rig of one device once for both plans
  EXPECT_THAT(rows[0].at("plan"), HasSubstr("tp=1,pp=2"));
  EXPECT_THAT(rows[1].at("plan"), HasSubstr("tp=2,pp=1"));
  EXPECT_EQ(rows[2].at("rig"), "a6000");
  EXPECT_EQ(rows[3].at("largest_batch"), 0);
  const json& step = rows[1].at("bound_by_batch").at(9);
  EXPECT_EQ(step.at("batch"), 512);
  EXPECT_EQ(step.at("bound"), "link");
  EXPECT_EQ(step.at("fits"), false);
  for (const json& row : rows) {
    EXPECT_LE(row.at("ridge_batch").at("low"), row.at("ridge_batch").at("value"));
    EXPECT_GT(row.at("analytic_ridge_batch"), 0);
  }
}

TEST(Crossover, OneRowSaysEachBatch) {
  const auto run = rigsim(
      "crossover --rig h100-sxm --model llama-3-8b --weights bf16 --engine vllm --batches 1,256");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("tokens/s"));
  EXPECT_THAT(run.out, HasSubstr("yes"));
}

TEST(Crossover, SaysWhatIsWrong) {
  const auto refused = [](const std::string& rest) {
    const auto run = rigsim("crossover --rig 4090 --model llama-3-8b " + rest);
    EXPECT_EQ(run.code, 2) << rest;
    return run.err;
  };
  EXPECT_THAT(refused("--weights f16 --batches 8-4"), HasSubstr("--batches: the range"));
  EXPECT_THAT(refused("--weights f16,"), HasSubstr("--weights"));
  EXPECT_THAT(refused("--weights f16 --context 9000"), HasSubstr("--context"));
  EXPECT_THAT(refused("--weights awq"), HasSubstr("GGUF"));
  EXPECT_EQ(rigsim("crossover --rig 4090 --model llama-3-70b --weights f16").code, 4);
}

}  // namespace
}  // namespace rigsim::cli::test
