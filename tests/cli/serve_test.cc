#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"
#include "tests/cli/unwrapped.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kA100 =
    "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm ";

const std::string kTwoStages =
    "serve --rig 2xa100-80gb-sxm --plan pp=2 --model llama-3-8b --weights bf16 --engine vllm ";

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

TEST(Serve, AScenarioFileSaysTheSameAsOptions) {
  const Folder folder;
  folder.write("s.yaml",
               "rig: a100-80gb-sxm\nmodel: llama-3-8b\nweights: bf16\nengine: vllm\nseed: 9\n"
               "prompt_tokens: 700\ntraffic: {source: 'poisson:4/s', requests: 40}\n"
               "serving: {max_num_seqs: 3, slo: {ttft: 100 ms}}\n");
  const std::string options =
      kA100 + "--prompt 700 --traffic poisson:4/s --requests 40 --seed 9 --max-num-seqs ";
  const RunOptions there{.folder = folder.path()};
  EXPECT_EQ(document("serve s.yaml --json", there),
            document(options + "3 --slo ttft=100ms --json", there));
  EXPECT_EQ(document("serve s.yaml --max-num-seqs 5 --json", there),
            document(options + "5 --slo ttft=100ms --json", there));
}

TEST(Serve, FilesOfAScenarioCountFromItsFolder) {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "in");
  folder.write(
      "in/t.jsonl",
      "{\"timestamp\": 0, \"input_length\": 10, \"output_length\": 5, \"hash_ids\": []}\n");
  const std::string rest = "rig: a100-80gb-sxm\nmodel: llama-3-8b\nweights: bf16\nengine: vllm\n";
  folder.write("in/s.yaml", rest + "traffic: t.jsonl\n");
  folder.write("in/bad.yaml", rest + "traffic: t.json\n");
  EXPECT_EQ(document("serve in/s.yaml --json", {.folder = folder.path()}).at("requests"), 1);
  const Outcome run = rigsim("serve in/bad.yaml", {.folder = folder.path()});
  EXPECT_EQ(run.code, 3);
  EXPECT_THAT(run.err, HasSubstr("in/t.json"));
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

/// The trace of 19,366 conversations near the limit of one A100, and on two stages; it is not part
/// of the repository.
TEST(Serve, ExactStepsGiveTheSameOnTheAzureTrace) {
  const char* shared = std::getenv("RIGSIM_SHARED");
  const std::string trace =
      std::string(shared == nullptr ? "" : shared) + "/data/traces/azure_llm_2023_conv.csv.gz";
  if (!std::filesystem::exists(trace)) GTEST_SKIP() << "no collected traces: set RIGSIM_SHARED";
  for (const std::string& line : {kA100, kTwoStages}) {
    const Folder folder;
    const std::string run = line + "--traffic " + trace + " --json --vllm-result ";
    const json leaps = document(run + "leaps.json", {.folder = folder.path()});
    const json steps = document(run + "steps.json --exact-steps", {.folder = folder.path()});
    EXPECT_EQ(leaps.at("requests"), 19'365);
    EXPECT_EQ(leaps.at("itl_s"), steps.at("itl_s"));
    EXPECT_EQ(leaps.at("e2e_s"), steps.at("e2e_s"));
    const auto times = [&](const char* name) {
      std::ifstream file(folder.path() / name);
      return json::parse(file).at("ttfts");
    };
    EXPECT_EQ(times("leaps.json"), times("steps.json"));
  }
}

TEST(Serve, SaysHowFarDevicesAreUsedAndWhatTheyDraw) {
  const json answer = document(kA100 + "--traffic poisson:4/s --requests 200 --json");
  const double mbu = answer.at("mbu").at("value");
  EXPECT_GT(mbu, 0.3);
  EXPECT_LT(mbu, 1);
  EXPECT_LT(answer.at("mfu").at("value"), mbu);
  EXPECT_EQ(answer.at("link_fraction"), 0);
  const double power = answer.at("mean_power_w").at("value");
  EXPECT_GT(power, 100);
  EXPECT_LT(power, 400);
  EXPECT_NEAR(answer.at("energy_j").at("value").get<double>(),
              power * answer.at("duration_s").at("value").get<double>(), 1e-6 * 1e5);
  // Memory alone gives 2.0 TB/s: a token of a batch of one reads 15 GB, in 11 ms.
  const json alone = document(kA100 + "--traffic uniform:0.1/s,prompt=1 --requests 4 --json");
  EXPECT_NEAR(alone.at("mbu").at("value").get<double>(), 15.0 / 10.6 / 2.039, 0.05);
}

TEST(Serve, LeavesTheWarmUpOut) {
  const std::string line = kA100 + "--traffic poisson:6/s --requests 400 --json ";
  const json counted = document(line + "--warmup 100");
  EXPECT_EQ(counted.at("requests"), 300);
  EXPECT_EQ(counted.at("warm_up").at("requests"), 100);
  EXPECT_LT(counted.at("energy_j").at("value"), document(line).at("energy_j").at("value"));
  const json exact = document(line + "--warmup 100 --exact-steps");
  for (const char* key : {"ttft_s", "itl_s", "energy_j", "mfu", "busy_fraction", "mean_batch"})
    EXPECT_EQ(counted.at(key), exact.at(key)) << key;
  // Long prompts take the front end 8 ms: leaps end where they reach the engine, not before.
  const std::string late =
      "serve --rig h100-sxm --model llama-3.2-1b --weights bf16 --engine vllm "
      "--traffic poisson:10/s --requests 100 --prompt 4000 --warmup 10 "
      "--seed 2 --json";
  const json leaps = document(late), steps = document(late + " --exact-steps");
  for (const char* key : {"steps", "energy_j", "busy_fraction", "itl_s", "output_tokens_per_s"})
    EXPECT_EQ(leaps.at(key), steps.at(key)) << key;
  const json timed = document(line + "--warmup 10s");
  EXPECT_GE(timed.at("warm_up").at("duration_s"), 10);
  EXPECT_GT(timed.at("warm_up").at("requests"), 30);
  EXPECT_LT(document(line + "--warmup auto").at("warm_up").at("requests"), 200);
}

TEST(Serve, GivesIntervalsOfChanceApartFromBands) {
  const std::string line = kA100 + "--traffic poisson:6/s --requests 300 ";
  const json drawn = document(line + "--replications 4 --json");
  EXPECT_EQ(drawn.at("chance").at("method"), "replications");
  for (const char* number : {"mean", "p99"})
    EXPECT_GT(drawn.at("ttft_s").at("chance_half_width").at(number), 0) << number;
  EXPECT_GT(drawn.at("output_tokens_per_s").at("chance_half_width"), 0);
  const json one = document(line + "--json");
  EXPECT_EQ(one.at("chance").at("method"), "batch means");
  EXPECT_FALSE(one.at("ttft_s").at("chance_half_width").contains("p99"));
  const std::string text = rigsim(line + "--replications 4").out;
  EXPECT_THAT(text, HasSubstr("over 4 draws of the traffic"));
  EXPECT_THAT(text, HasSubstr("90 % band of the mean"));
}

// With one user each of two stages idles at least half of the time; with many they work at the same
// time, unless each step waits for the tokens of the one in front.
TEST(Serve, KeepsAPipelineFull) {
  const std::string line = kTwoStages + "--json --requests 100 --traffic closed:";
  const json one = document(line + "1");
  const json many = document(line + "32 --trace t.h5", {.folder = Folder().path()});
  EXPECT_EQ(one.at("engine").at("in_flight"), 2);
  EXPECT_EQ(one.at("stage_busy_fractions").size(), 2U);
  EXPECT_GT(one.at("bubble_fraction"), 0.5);
  EXPECT_LT(many.at("bubble_fraction"), 0.3);
  const json steps = document(line + "32 --exact-steps");
  for (const char* key : {"duration_s", "ttft_s", "itl_s", "e2e_s", "steps"})
    EXPECT_EQ(many.at(key), steps.at(key)) << key;
  const json in_turn = document(line + "32 --async-scheduling on");
  EXPECT_GT(in_turn.at("bubble_fraction"), 0.4);
  EXPECT_THAT(rigsim(kTwoStages + "--requests 20 --traffic closed:4").out, HasSubstr("bubble"));
}

TEST(Serve, PricesExpertsOfAReplica) {
  const std::string line =
      "serve --rig 2xa100-80gb-sxm-nvlink --model mixtral-8x7b --weights awq --engine vllm --json "
      "--requests 50 --traffic closed:8 --plan tp=2";
  EXPECT_NE(document(line).at("tpot_s"), document(line + ",ep=2").at("tpot_s"));
}

// Each of two replicas holds all of Mixtral but half of its experts, so that more blocks are left
// than where each holds all; they step together. Leaps and single steps give the same times.
TEST(Serve, SpreadsExpertsOverReplicas) {
  const std::string line =
      "serve --rig 2xh100-sxm --model mixtral-8x7b --weights awq --engine vllm --requests 60 "
      "--traffic poisson:6/s --plan dp=2";
  const json apart = document(line + " --json");
  const json together = document(line + ",ep=2 --json");
  EXPECT_GT(together.at("kv_blocks"), apart.at("kv_blocks"));
  EXPECT_GT(together.at("lockstep_wait_fraction"), 0.0);
  EXPECT_LT(together.at("lockstep_wait_fraction"), 0.5);
  EXPECT_TRUE(apart.at("lockstep_wait_fraction").is_null());
  EXPECT_EQ(together.at("engine").at("routing"), "vllm");
  const json steps = document(line + ",ep=2 --exact-steps --json");
  for (const char* key : {"duration_s", "ttft_s", "tpot_s", "e2e_s", "busy_fraction", "mean_batch",
                          "lockstep_wait_fraction", "energy_j", "steps"})
    EXPECT_EQ(together.at(key), steps.at(key)) << key;
  EXPECT_THAT(rigsim(line + ",ep=2").out, HasSubstr("Lock step: experts are spread over all"));
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
  EXPECT_FALSE(result.contains("itls"));
  // What was written can be served again.
  const json again = document(kA100 + "--traffic v.json --json", {.folder = folder.path()});
  EXPECT_EQ(again.at("requests"), 50);
}

TEST(Serve, KeepsEveryGapWhereAsked) {
  const Folder folder;
  const std::string line = kA100 + "--traffic poisson:4/s,output=20 --requests 30 --json ";
  const json answer = document(line + "--vllm-result v.json --itls", {.folder = folder.path()});
  EXPECT_EQ(answer.at("itl_s"), document(line).at("itl_s"));
  std::ifstream file(folder.path() / "v.json");
  const json gaps = json::parse(file).at("itls");
  ASSERT_EQ(gaps.size(), 30U);
  double sum = 0;
  for (const json& of_request : gaps) {
    EXPECT_EQ(of_request.size(), 19U);
    for (const json& gap : of_request) sum += gap.get<double>();
  }
  EXPECT_NEAR(sum / (30 * 19), answer.at("itl_s").at("mean").get<double>(), 1e-9);
}

TEST(Serve, KeepsNoTwoFilesUnderOneName) {
  const Outcome run = rigsim(kA100 + "--traffic poisson:4/s --trace a --vllm-result a");
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("is the file of --trace, too"));
}

TEST(Serve, SaysBeforeItRunsThatAFileCannotBeWritten) {
  const Folder folder;
  for (const char* option : {"--trace", "--vllm-result"}) {
    const Outcome run =
        rigsim(kA100 + "--traffic no-such-file " + option + " none/x", {.folder = folder.path()});
    EXPECT_EQ(run.code, 6) << run.err;
    EXPECT_THAT(run.err, HasSubstr("none/x"));
  }
  EXPECT_TRUE(folder.names().empty());
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

// Two micro-batches with half of the places each; steps and leaps give the same.
TEST(Serve, SglangHasPipelines) {
  const std::string line =
      "serve --rig 2xa100-80gb-sxm --plan pp=2 --model llama-3-8b --weights bf16 --engine sglang "
      "--traffic closed:32 --requests 100 --json --max-num-seqs ";
  const json answer = document(line + "32");
  EXPECT_EQ(answer.at("engine").at("in_flight"), 2);
  EXPECT_EQ(answer.at("engine").at("async_scheduling"), false);
  EXPECT_EQ(document(line + "32 --exact-steps").at("e2e_s"), answer.at("e2e_s"));
  EXPECT_GT(document(line + "8").at("queueing_s").at("mean"), answer.at("queueing_s").at("mean"));
}

class ServeWithEngine : public testing::TestWithParam<std::string> {};

TEST_P(ServeWithEngine, ExactStepsGiveTheSameLatencies) {
  const std::string line =
      "serve --rig a100-80gb-sxm --model llama-3-8b --traffic gamma:4/s,cv=2 --requests 150 --json "
      "--weights " +
      GetParam();
  const json leaps = document(line);
  const json steps = document(line + " --exact-steps");
  EXPECT_EQ(leaps.at("requests"), 150);
  for (const char* key : {"duration_s", "ttft_s", "tpot_s", "itl_s", "e2e_s", "steps"})
    EXPECT_EQ(leaps.at(key), steps.at(key)) << key;
}

INSTANTIATE_TEST_SUITE_P(
    Each, ServeWithEngine,
    testing::Values("q4_k_m --engine llama.cpp-2026", "bf16 --engine sglang", "bf16 --engine tgi",
                    "bf16 --engine vllm --batching sglang:lpm,conservativeness=0.5",
                    "bf16 --engine vllm --batching tgi:max-waiting-tokens=5"));

// mem_fraction_static of an A100's 81,920 MiB: 512 + 8,192 x 1.5 + 256 x 2 + 128 MiB are reserved.
TEST(Serve, SglangSizesItselfByTheDevicesMemory) {
  const json answer = document(
      "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine sglang --traffic "
      "poisson:4/s --requests 50 --json");
  EXPECT_EQ(answer.at("engine").at("step_tokens"), 8192);
  EXPECT_EQ(answer.at("engine").at("async_scheduling"), true);
  const double bytes_per_token = 2.0 * 32 * 8 * 128 * 2;
  const double weights = 2.0 * 8.03e9;
  const double free = (81'920.0 - 480) * 1024 * 1024;
  EXPECT_NEAR(answer.at("kv_blocks").get<double>(), (0.836 * free - weights) / bytes_per_token,
              2'000);
}

}  // namespace
}  // namespace rigsim::cli::test
