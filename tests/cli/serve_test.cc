#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kA100 =
    "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm ";

TEST(Serve, AnswersWithLatenciesBandsAndEvidence) {
  const json answer = document(kA100 + "--traffic poisson:4/s --requests 200 --json");
  EXPECT_EQ(answer.at("requests"), 200);
  for (const char* key : {"ttft_s", "tpot_s", "itl_s", "e2e_s"}) {
    const json& l = answer.at(key);
    EXPECT_LE(l.at("p50"), l.at("p90")) << key;
    EXPECT_LE(l.at("p90"), l.at("p95")) << key;
    EXPECT_LE(l.at("p95"), l.at("p99")) << key;
    EXPECT_LT(l.at("low").at("mean"), l.at("mean")) << key;
    EXPECT_GT(l.at("high").at("mean"), l.at("mean")) << key;
  }
  EXPECT_EQ(answer.at("evidence"), "measured");
  EXPECT_GT(answer.at("kv_blocks"), 20'000);
  EXPECT_EQ(answer.at("preemptions"), 0);
  EXPECT_TRUE(answer.at("goodput").is_null());
}

// E2E of a request alone is its TTFT and output - 1 gaps, and a batch of one decodes as `run` says.
TEST(Serve, ARequestAloneIsASingleStream) {
  const json served = document(
      kA100 + "--traffic uniform:0.01/s --requests 3 --prompt 512 --output-tokens 64 --json");
  EXPECT_NEAR(served.at("e2e_s").at("p50").get<double>(),
              served.at("ttft_s").at("p50").get<double>() +
                  63 * served.at("itl_s").at("mean").get<double>(),
              1e-6);
  const json alone = document(
      "run --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --prompt 512 "
      "--output-tokens 64 --json");
  const double tpot = alone.at("rigs")[0].at("tpot_s").at("value");
  // There, a step waits for the host's 1.1 ms; here the host works ahead.
  EXPECT_NEAR(served.at("tpot_s").at("mean").get<double>(), tpot - 1.1e-3, 0.01 * tpot);
}

// A step of one sequence sorts 128,256 logits: 1 ms and 1,300 B each over 2.039 TB/s.
TEST(Serve, DrawingByTopPSortsTheLogits) {
  const std::string line =
      kA100 + "--traffic uniform:0.01/s --requests 3 --output-tokens 64 --json";
  const auto tpot = [](const json& answer) { return answer.at("tpot_s").at("mean").get<double>(); };
  EXPECT_NEAR(tpot(document(line + " --sampling top-p")) - tpot(document(line)),
              1e-3 + 128'256 * 1'300 / 2.039e12, 1e-6);
}

// Of 80 GB less the weights in FP8 both leave most to the cache, in blocks of 64 and 16 tokens.
TEST(Serve, OtherEnginesServeToo) {
  const std::string rest =
      " --rig h100-sxm --model llama-3.1-8b --weights fp8 --kv-cache fp8 --traffic poisson:4/s "
      "--requests 50 --json";
  const json trt = document("serve --engine trt-llm" + rest);
  const json vllm = document("serve --engine vllm" + rest);
  const double ratio =
      64 * trt.at("kv_blocks").get<double>() / (16 * vllm.at("kv_blocks").get<double>());
  EXPECT_GT(ratio, 0.9);
  EXPECT_LT(ratio, 1.1);
  EXPECT_EQ(trt.at("requests"), 50);
}

TEST(Serve, ExactStepsGiveTheSameLatencies) {
  const std::string line = kA100 + "--traffic gamma:6/s,cv=2 --requests 300 --json";
  const json leaps = document(line);
  const json steps = document(line + " --exact-steps");
  for (const char* key : {"duration_s", "ttft_s", "tpot_s", "itl_s", "e2e_s", "steps"})
    EXPECT_EQ(leaps.at(key), steps.at(key)) << key;
}

/// The trace of 19,366 conversations on one A100, near its limit; it is not part of the repository.
TEST(Serve, ExactStepsGiveTheSameOnTheAzureTrace) {
  const char* shared = std::getenv("RIGSIM_SHARED");
  const std::string trace =
      std::string(shared == nullptr ? "" : shared) + "/data/traces/azure_llm_2023_conv.csv.gz";
  if (!std::filesystem::exists(trace)) GTEST_SKIP() << "no collected traces: set RIGSIM_SHARED";
  const Folder folder;
  const std::string line = kA100 + "--traffic " + trace + " --json --vllm-result ";
  const json leaps = document(line + "leaps.json", {.folder = folder.path()});
  const json steps = document(line + "steps.json --exact-steps", {.folder = folder.path()});
  EXPECT_EQ(leaps.at("requests"), 19'365);
  EXPECT_EQ(leaps.at("itl_s"), steps.at("itl_s"));
  EXPECT_EQ(leaps.at("e2e_s"), steps.at("e2e_s"));
  const auto times = [&](const char* name) {
    std::ifstream file(folder.path() / name);
    return json::parse(file).at("ttfts");
  };
  EXPECT_EQ(times("leaps.json"), times("steps.json"));
}

TEST(Serve, CountsWhatKeepsTheLimits) {
  const json all = document(kA100 + "--traffic poisson:1/s --requests 50 --slo ttft=1h --json");
  EXPECT_EQ(all.at("goodput").at("fraction"), 1);
  const json none = document(kA100 + "--traffic poisson:1/s --requests 50 --slo tpot=1us --json");
  EXPECT_EQ(none.at("goodput").at("fraction"), 0);
}

TEST(Serve, SaysThatAQueueGrows) {
  const Outcome run = rigsim(kA100 + "--traffic uniform:30/s --requests 2000");
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("Unstable: the queue grows"));
  EXPECT_THAT(rigsim(kA100 + "--traffic uniform:1/s --requests 100").out,
              testing::Not(HasSubstr("Unstable")));
}

TEST(Serve, TurnsAwayWhatDoesNotFitAndSaysSo) {
  const std::string line = kA100 +
                           "--context 1000 --traffic uniform:1/s --requests 10 --json "
                           "--prompt 2000 ";
  const json none = document(line, {}, 4);
  EXPECT_EQ(none.at("too_long_requests"), 10);
  EXPECT_TRUE(none.at("ttft_s").at("p99").is_null());
  const json cut = document(line + "--truncate");
  EXPECT_EQ(cut.at("requests"), 10);
  EXPECT_EQ(cut.at("prompt_tokens"), 9'990);
}

TEST(Serve, KeepsATraceAndAVllmResult) {
  const Folder folder;
  const json answer = document(
      kA100 + "--traffic poisson:4/s --requests 50 --trace t.h5 --vllm-result v.json --json",
      {.folder = folder.path()});
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "t.h5"));
  std::ifstream file(folder.path() / "v.json");
  const json result = json::parse(file);
  EXPECT_EQ(result.at("completed"), 50);
  EXPECT_EQ(result.at("ttfts").size(), 50U);
  EXPECT_NEAR(result.at("mean_ttft_ms").get<double>(),
              1e3 * answer.at("ttft_s").at("mean").get<double>(), 1e-9);
  // What was written can be served again.
  const json again = document(kA100 + "--traffic v.json --json", {.folder = folder.path()});
  EXPECT_EQ(again.at("requests"), 50);
}

TEST(Serve, KeepsNoTwoFilesUnderOneName) {
  const Outcome run = rigsim(kA100 + "--traffic poisson:4/s --trace a --vllm-result a");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("is the file of --trace, too"));
}

// Each keeps its KV for hours: a gap of more than the 140 s that 64 bits of ticks hold.
TEST(Serve, AnswersForVeryLongOutputs) {
  const json answer = document(
      "serve --rig a100-80gb-sxm --model llama-3.1-8b --weights bf16 --engine vllm --json "
      "--traffic poisson:1/s,prompt=1,output=130000 --requests 5");
  EXPECT_EQ(answer.at("requests"), 5);
  EXPECT_GT(answer.at("preemptions"), 0);
}

TEST(Serve, ReplicasShareTheRequests) {
  const std::string line =
      "serve --rig 4xa100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic "
      "uniform:40/s --requests 400 --json ";
  const double one = document(line + "--plan tp=1").at("e2e_s").at("mean");
  const double four = document(line + "--plan dp=4").at("e2e_s").at("mean");
  EXPECT_LT(four, one / 2);
}

struct Refusal {
  std::string words;
  std::string message;
  int code = 2;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.message; }

class ServeRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(ServeRefuses, InOneLine) {
  const Outcome run = rigsim(GetParam().words);
  EXPECT_EQ(run.code, GetParam().code);
  EXPECT_THAT(run.code == 4 ? run.out : run.err, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    EveryKind, ServeRefuses,
    testing::Values(
        Refusal{kA100, "--traffic"}, Refusal{kA100 + "--traffic poisson:0/s", "--traffic"},
        Refusal{kA100 + "--traffic poisson:1/s --batching tgi", "is not one of vllm-v1"},
        Refusal{kA100 + "--traffic poisson:1/s --slo ttft", "--slo"},
        Refusal{kA100 + "--traffic poisson:1/s --routing best", "is not one of round-robin"},
        Refusal{kA100 + "--traffic poisson:1/s --async-scheduling yes", "must be on or off"},
        Refusal{kA100 + "--traffic poisson:1/s --sampling beam", "must be greedy or top-p"},
        Refusal{"serve --rig 2xa100-80gb-sxm --plan pp=2 --model llama-3-8b --weights bf16 "
                "--engine vllm --traffic poisson:1/s",
                "a pipeline (pp=2) is not modelled in serving yet"},
        Refusal{"serve --rig a100-80gb-sxm --model llama-3-8b --weights q4_k_m --traffic "
                "poisson:1/s",
                "is not known as a server"},
        Refusal{"serve --rig rtx-4090 --model llama-3-70b --weights bf16 --engine vllm --traffic "
                "poisson:1/s",
                "does not fit", 4}));

}  // namespace
}  // namespace rigsim::cli::test
