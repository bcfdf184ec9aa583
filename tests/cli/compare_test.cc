#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <sstream>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kQuestion =
    "compare --rig 2x4090 --rig a6000 --model llama-3-70b --weights q4_k_m --engine llama.cpp "
    "--prompt 1024 --output-tokens 64";

constexpr const char* kFigures[] = {
    "decode_tokens_per_s", "prefill_tokens_per_s",     "ttft_s", "tpot_s",
    "bubble_fraction",     "exposed_transfer_fraction"};

void expect_figure(const json& figure) {
  EXPECT_LE(figure.at("low"), figure.at("value"));
  EXPECT_GE(figure.at("high"), figure.at("value"));
  EXPECT_THAT(figure.at("evidence").get<std::string>(),
              testing::AnyOf("measured", "fitted", "datasheet"));
}

double sum(const json& shares) {
  double total = 0;
  for (const char* cause : {"compute", "memory", "link", "launch", "bubble", "host"}) {
    total += shares.at(cause).get<double>();
  }
  return total;
}

TEST(Compare, TheDocumentHasEveryKeyOfEveryRig) {
  const json answer = document(kQuestion + " --json");
  ASSERT_EQ(answer.at("rigs").size(), 2U);
  EXPECT_EQ(answer.at("rigs")[0].at("name"), "2x4090");
  EXPECT_EQ(answer.at("rigs")[1].at("name"), "a6000");
  for (const json& rig : answer.at("rigs")) {
    EXPECT_EQ(rig.at("fits"), true);
    for (const char* figure : kFigures) expect_figure(rig.at(figure));
    EXPECT_NEAR(sum(rig.at("time_share")), 1, 1e-9);
    EXPECT_NEAR(sum(rig.at("prefill_time_share")), 1, 1e-9);
    for (const json& memory : rig.at("memory_bytes")) {
      const std::int64_t items =
          memory.at("weights").get<std::int64_t>() + memory.at("kv_cache").get<std::int64_t>() +
          memory.at("activations").get<std::int64_t>() + memory.at("runtime").get<std::int64_t>();
      EXPECT_EQ(memory.at("total"), items) << memory.at("device");
    }
  }
  for (const char* figure : kFigures) EXPECT_TRUE(answer.at("winner").contains(figure));
  for (const char* key : {"version", "commit", "why"}) EXPECT_NE(answer.at(key), "") << key;
  EXPECT_EQ(answer.at("scenario").at("weights"), "Q4_K_M");
}

// 63 decode steps follow the prompt, which gives the first of 64 tokens; TPOT is 1 / rate at
// batch 1.
TEST(Compare, RatesAndTimesBelongTogether) {
  const json comparison = document(kQuestion + " --json");
  for (const json& rig : comparison.at("rigs")) {
    const double rate = rig.at("decode_tokens_per_s").at("value");
    EXPECT_NEAR(rig.at("tpot_s").at("value").get<double>(), 1 / rate, 1e-9);
    EXPECT_NEAR(rig.at("ttft_s").at("value").get<double>(),
                1024 / rig.at("prefill_tokens_per_s").at("value").get<double>(), 1e-9);
    EXPECT_NEAR(sum(rig.at("critical_path_s")), 63 / rate, 1e-9);
  }
}

// TDP 450 W and 300 W; USD 1599 and 4649 at launch.
TEST(Compare, PowerAndPriceAreTheDatasheets) {
  const json rigs = document(kQuestion + " --json").at("rigs");
  EXPECT_EQ(rigs[0].at("power_w").at("value"), 900);
  EXPECT_EQ(rigs[0].at("power_w").at("evidence"), "datasheet");
  EXPECT_EQ(rigs[0].at("launch_price_usd").at("value"), 2 * 1599);
  EXPECT_EQ(rigs[1].at("power_w").at("value"), 300);
}

TEST(Compare, ThePowerLimitReplacesTheTdp) {
  const json rigs = document(
                        "compare --rig 2x3090@230W --model llama-3-8b --weights q4_k_m "
                        "--prompt 32 --output-tokens 4 --json")
                        .at("rigs");
  EXPECT_EQ(rigs[0].at("power_w").at("value"), 460);
}

// Layer split: one card works while the other waits, so each idles about half of decode, and two
// cards are hardly faster than their memory makes one.
TEST(Compare, TheCardsOfALayerSplitTakeTurnsInDecode) {
  const json rigs = document(kQuestion + " --json").at("rigs");
  EXPECT_NEAR(rigs[0].at("bubble_fraction").at("value").get<double>(), 0.5, 0.02);
  EXPECT_EQ(rigs[1].at("bubble_fraction").at("value"), 0);
}

TEST(Compare, NamesTheWinnerAndSaysWhy) {
  const json answer = document(kQuestion + " --json");
  EXPECT_EQ(answer.at("winner").at("decode_tokens_per_s"), "2x4090");
  EXPECT_EQ(answer.at("winner").at("power_w"), "a6000");
  const auto why = answer.at("why").get<std::string>();
  EXPECT_THAT(why, HasSubstr("Decode: 2x4090 is 1."));
  EXPECT_THAT(why, HasSubstr("1008 GB/s a device against 768 GB/s"));
  EXPECT_THAT(why, HasSubstr("wait for each other"));
}

TEST(Compare, TheTableIsForPeople) {
  const Outcome run = rigsim(kQuestion);
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.out, HasSubstr("decode, tokens/s"));
  EXPECT_THAT(run.out, HasSubstr("Why: "));
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos) << "no colour without a terminal";
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(Compare, ManyRigsStandInBlocks) {
  const Outcome run = rigsim(
      "compare --rig 2x4090 --rig a6000 --rig m2-ultra --rig 4x3090 --rig h100-sxm --model "
      "llama-3-70b --weights q4_k_m --prompt 128 --output-tokens 8");
  EXPECT_EQ(run.code, 0) << run.err;
  std::istringstream lines(run.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(Compare, TheSameQuestionGivesTheSameBytes) {
  EXPECT_EQ(rigsim(kQuestion + " --json").out, rigsim(kQuestion + " --json").out);
  EXPECT_EQ(rigsim(kQuestion).out, rigsim(kQuestion).out);
}

TEST(Compare, ARigThatDoesNotFitIsAnAnswer) {
  const json answer = document(
      "compare --rig 4090 --rig a6000 --model llama-3-70b --weights q4_k_m --output-tokens 4 "
      "--json");
  const json& small = answer.at("rigs")[0];
  EXPECT_EQ(small.at("fits"), false);
  EXPECT_TRUE(small.at("decode_tokens_per_s").is_null());
  EXPECT_FALSE(small.at("changes").empty());
  EXPECT_EQ(answer.at("winner").at("decode_tokens_per_s"), "a6000");
}

TEST(Compare, NoRigThatFitsIsCode4) {
  const json answer =
      document("compare --rig 4090 --rig 3090 --model llama-3-70b --weights f16 --json", {}, 4);
  EXPECT_TRUE(answer.at("winner").at("decode_tokens_per_s").is_null());
  EXPECT_THAT(answer.at("why").get<std::string>(), HasSubstr("4090 does not fit: gpu0 lacks"));
}

TEST(Compare, LayersLeftToTheHostMakeItFitAndSlow) {
  const json rig = document(
                       "compare --rig 4090 --model llama-3-70b --weights q4_k_m --gpu-layers 40 "
                       "--output-tokens 4 --json")
                       .at("rigs")[0];
  EXPECT_EQ(rig.at("fits"), true);
  EXPECT_LT(rig.at("decode_tokens_per_s").at("value"), 6);
}

TEST(Compare, ASplitIsForRigsOfSeveralDevices) {
  const json rigs = document(
                        "compare --rig 2x4090 --rig a6000 --model llama-3-8b --weights f16 "
                        "--engine vllm --plan tp=2 --prompt 64 --output-tokens 4 --json")
                        .at("rigs");
  EXPECT_THAT(rigs[0].at("plan").get<std::string>(), HasSubstr("tp=2"));
  EXPECT_THAT(rigs[1].at("plan").get<std::string>(), HasSubstr("tp=1"));
}

TEST(Compare, WrongOptionsNameWhatIsAllowed) {
  const std::string question = "compare --rig 2x4090 --model llama-3-70b --weights q4_k_m ";
  const auto refused = [&](const std::string& options, const std::string& message) {
    const Outcome run = rigsim(question + options);
    EXPECT_EQ(run.code, 2) << options;
    EXPECT_THAT(run.err, HasSubstr(message)) << options;
    EXPECT_EQ(run.out, "");
  };
  refused("--prompt -1", "error: --prompt: ");
  refused("--prompt 1e3", "error: --prompt: ");
  refused("--prompt 99999999999999999999", "error: --prompt: ");
  refused("--batch 0", "error: --batch: must be 1 to 1000000, got \"0\"");
  refused("--prompt 0 --output-tokens 0", "prompt and output cannot both be 0");
  refused("--prompt 8000 --output-tokens 1000", "made for at most 8192");
  refused("--engine lama.cpp", "did you mean \"llama.cpp\"");
  refused("--kv-cache q3", "--kv-cache: ");
  refused("--kv-cache fp8", "--kv-cache: the engine llama.cpp has no KV cache in fp8_e4m3");
  refused("--split rows", "--split: unknown mode \"rows\"; allowed: layer, row, tensor");
  refused("--plan tp=3", "tp=3");
  refused("--plan xp=2", "--plan: ");
  refused("--plan pp=4", "4");
  refused("--weights awq --rig a6000", "--weights: given twice");
  refused("--rig 2x4091", "--rig: rig \"2x4091\": unknown device \"4091\", did you mean \"4090\"");
  refused("--rig 2x4090", "--rig: two rigs are named \"2x4090\"");
  EXPECT_THAT(rigsim("compare --rig 4090 --model llama-3-8b --weights awq").err,
              HasSubstr("reads GGUF formats only"));
  EXPECT_THAT(rigsim("compare --model llama-3-8b --weights f16").err,
              HasSubstr("--rig: is needed"));
  EXPECT_THAT(rigsim("compare --rig 4090 --model llama-3-8b").err,
              HasSubstr("--weights: is needed"));
}

TEST(Compare, KeepsTheComparisonAsHdf5) {
  const Folder folder;
  EXPECT_EQ(rigsim(kQuestion + " --output out.h5", {.folder = folder.path()}).code, 0);
  EXPECT_THAT(folder.names(), testing::ElementsAre("out.h5"));
  EXPECT_THAT(contents(folder.path() / "out.h5"), testing::StartsWith("\x89HDF"));
}

TEST(Compare, AnOutputThatCannotBeWrittenIsCode6BeforeAnythingRuns) {
  const Folder folder;
  for (const std::string path : {"/nonexistent/out.h5", "/dev/full", "."}) {
    const Outcome run = rigsim(kQuestion + " --output " + path, {.folder = folder.path()});
    EXPECT_EQ(run.code, 6) << path;
    EXPECT_THAT(run.err, testing::StartsWith("error: ")) << path;
    EXPECT_EQ(run.out, "") << path;
  }
  EXPECT_THAT(folder.names(), testing::IsEmpty());
}

TEST(Compare, AFullDiskIsCode6AndLeavesNothing) {
  const Folder folder;
  const Outcome run = rigsim(kQuestion + " --output out.h5",
                             {.folder = folder.path(), .shell_before = "ulimit -f 16;"});
  EXPECT_EQ(run.code, 6) << run.err;
  EXPECT_THAT(folder.names(), testing::IsEmpty());
}

TEST(Compare, AFailedRunLeavesNoFile) {
  const Folder folder;
  EXPECT_EQ(rigsim(kQuestion + " --plan tp=2 --output out.h5", {.folder = folder.path()}).code, 2);
  EXPECT_THAT(folder.names(), testing::IsEmpty());
}

TEST(Compare, AnInterruptionKeepsWhatIsDone) {
  // 100,000 steps at 4 ms of simulated time each, priced one by one: many seconds.
  const std::string lengthy =
      "compare --rig 8xh100-sxm --model llama-3.1-70b --weights f16 --engine vllm --prompt 1024 "
      "--output-tokens 100000 --output out.h5";
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const Folder folder;
    const Outcome run =
        rigsim_interrupted(lengthy, signal, std::chrono::milliseconds(800), folder.path());
    EXPECT_EQ(run.code, code);
    EXPECT_THAT(run.err, HasSubstr("interrupted: what was done is kept in out.h5"));
    EXPECT_THAT(folder.names(), testing::ElementsAre("out.h5"));
  }
}

}  // namespace
}  // namespace rigsim::cli::test
