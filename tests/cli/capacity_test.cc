#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kAsked =
    "capacity --model llama-3-8b --weights bf16 --engine vllm --traffic poisson:1/s --requests 150 "
    "--precision 4 ";

TEST(Capacity, RigsAndPlansSideBySide) {
  const std::string asked = kAsked +
                            "--replications 2 --rig a100-80gb-sxm --rig 2xa6000 --plan dp=2 --plan "
                            "tp=2 --slo ttft=2s,tpot=60ms ";
  const auto run = rigsim(asked + "--load 3/s");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("The cheapest that serves 3 requests/s: "));
  EXPECT_THAT(run.out, HasSubstr("Limits hold for the 99th percentile."));
  const json answer = document(asked + "--load 1000/s --json");
  ASSERT_EQ(answer.at("rows").size(), 3U);
  EXPECT_TRUE(answer.at("cheapest_row").is_null());
  for (const json& row : answer.at("rows")) {
    const json& rate = row.at("requests_per_s");
    EXPECT_LT(rate.at("low"), rate.at("value"));
    EXPECT_GT(rate.at("high"), rate.at("value"));
    for (const json& limit : row.at("limits")) EXPECT_TRUE(limit.at("kept"));
    EXPECT_GT(row.at("loads_tried"), 4);
  }
}

TEST(Capacity, SearchesPlansAndLimits) {
  const std::string asked =
      kAsked + "--rig 2xa6000 --slo ttft=2s,tpot=60ms --replications 1 --max-num-seqs 128 --json";
  const json usual = document(asked).at("rows")[0];
  const json best = document(asked + " --search").at("rows")[0];
  EXPECT_EQ(usual.at("searched"), 0);
  EXPECT_EQ(best.at("searched"), 24);  // the engine's plan and three more, six chunk sizes
  EXPECT_GE(best.at("requests_per_s").at("value"), usual.at("requests_per_s").at("value"));
}

// At the rate found `serve` keeps the limit, and at one twice as high it does not.
TEST(Capacity, IsWhatServeSays) {
  const double rate = document(kAsked +
                               "--rig a100-80gb-sxm --slo ttft=500ms --replications 1 "
                               "--percentile 95 --json")
                          .at("rows")[0]
                          .at("requests_per_s")
                          .at("value");
  const auto p95 = [&](double scale) {
    return document(
               "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm "
               "--traffic poisson:1/s --requests 150 --json --rate-scale " +
               std::to_string(scale))
        .at("ttft_s")
        .at("p95")
        .get<double>();
  };
  // The traffic's own rate is near 1/s, as its 150 arrivals happen to fall.
  EXPECT_LE(p95(rate * 0.8), 0.5);
  EXPECT_GT(p95(rate * 2), 0.5);
}

TEST(Capacity, SaysWhatIsWrong) {
  const auto refused = [](const std::string& rest) {
    const auto run = rigsim(kAsked + "--rig a100-80gb-sxm " + rest);
    EXPECT_EQ(run.code, 2) << rest;
    return run.err;
  };
  EXPECT_THAT(refused(""), HasSubstr("--slo: is needed"));
  EXPECT_THAT(refused("--slo ttft=1s --percentile 101"),
              HasSubstr("--percentile: must be above 0"));
  EXPECT_THAT(refused("--slo ttft=1s --percentile 99 --goodput 99"), HasSubstr("--goodput"));
  EXPECT_THAT(refused("--slo ttft=1s --load fast"), HasSubstr("--load"));
  EXPECT_THAT(refused("--slo ttft=1s --precision 0"), HasSubstr("--precision"));
  const auto closed = rigsim(
      "capacity --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic "
      "closed:4 --slo ttft=1s");
  EXPECT_EQ(closed.code, 2);
  EXPECT_THAT(closed.err, HasSubstr("--traffic: users who wait"));
  EXPECT_EQ(rigsim("capacity --rig rtx-4090 --model llama-3-70b --weights bf16 --engine vllm "
                   "--traffic poisson:1/s --slo ttft=1s")
                .code,
            4);
}

}  // namespace
}  // namespace rigsim::cli::test
