#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kScenario =
    "rig: 2x4090\nmodel: llama-3-8b\nweights: q4_k_m\nprompt_tokens: 64\noutput_tokens: 8\n";

TEST(Run, AScenarioFileIsOneRig) {
  const Folder folder;
  folder.write("s.yaml", kScenario);
  const json answer = document("run s.yaml --json", {.folder = folder.path()});
  ASSERT_EQ(answer.at("rigs").size(), 1U);
  EXPECT_EQ(answer.at("rigs")[0].at("name"), "2x4090");
  EXPECT_EQ(answer.at("scenario").at("prompt_tokens"), 64);
}

TEST(Run, OptionsReplaceWhatTheFileSays) {
  const Folder folder;
  folder.write("s.yaml", kScenario);
  const json answer = document("run s.yaml --rig a6000 --weights f16 --prompt 32 --json",
                               {.folder = folder.path()});
  EXPECT_EQ(answer.at("rigs")[0].at("name"), "a6000");
  EXPECT_EQ(answer.at("scenario").at("weights"), "F16");
  EXPECT_EQ(answer.at("scenario").at("prompt_tokens"), 32);
  EXPECT_EQ(answer.at("scenario").at("output_tokens"), 8);
}

TEST(Run, OptionsAloneSayTheSameAsTheFile) {
  const Folder folder;
  folder.write("s.yaml", kScenario);
  EXPECT_EQ(rigsim("run --rig 2x4090 --model llama-3-8b --weights q4_k_m --prompt 64 "
                   "--output-tokens 8 --json")
                .out,
            rigsim("run s.yaml --json", {.folder = folder.path()}).out);
}

TEST(Run, DoesNotFitIsCode4) {
  EXPECT_EQ(rigsim("run --rig 4090 --model llama-3-70b --weights f16").code, 4);
}

const std::string kBench = "run --rig rtx-4090 --model llama-3-8b --weights q4_k_m ";

// The table's rates are those of the same tests run alone.
TEST(Run, PrintsWhatLlamaBenchPrints) {
  const Outcome table = rigsim(kBench + "--llama-bench md");
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(
      table.out,
      testing::StartsWith(
          "| model                          |       size |     params | backend    | ngl |        "
          "    test |                  t/s |\n"
          "| ------------------------------ | ---------: | ---------: | ---------- | --: | "
          "--------------: | -------------------: |\n"
          "| llama-3-8b Q4_K_M              |   4.58 GiB |     8.03 B | CUDA       |  99 |         "
          "  pp512 |"));
  EXPECT_THAT(table.out, HasSubstr("           tg128 |"));
  EXPECT_THAT(table.out, HasSubstr(" \u00b1 0.00 |\n"));
  const json rows = document(kBench + "--llama-bench json");
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].size(), 41U);
  EXPECT_EQ(rows[1].at("n_gen"), 128);
  const json alone = document(kBench + "--prompt 512 --output-tokens 0 --json");
  EXPECT_NEAR(rows[0].at("avg_ts").get<double>(),
              alone.at("rigs")[0].at("prefill_tokens_per_s").at("value").get<double>(), 0.1);
  const std::string csv = rigsim(kBench + "--llama-bench csv").out;
  EXPECT_THAT(csv, testing::StartsWith("build_commit,build_number,cpu_info,gpu_info,backends,"));
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  const std::string lines = rigsim(kBench + "--llama-bench jsonl").out;
  EXPECT_EQ(json::parse(lines.substr(0, lines.find('\n'))).at("n_prompt"), 512);
}

TEST(Run, PrintsWhatLlamaBatchedBenchPrints) {
  const std::string line = kBench + "--prompt 128 --output-tokens 32 --batch 1,4 --batched-bench ";
  const Outcome table = rigsim(line + "md");
  ASSERT_EQ(table.code, 0) << table.err;
  EXPECT_THAT(
      table.out,
      HasSubstr("|    PP |     TG |    B |   N_KV |   T_PP s | S_PP t/s |   T_TG s | S_TG "
                "t/s |      T s |    S t/s |\n|-------|--------|------|--------|----------|"));
  EXPECT_THAT(table.out, HasSubstr("|   128 |     32 |    4 |    640 | "));
  const std::string lines = rigsim(line + "jsonl").out;
  const json first = json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first.at("n_kv"), 160);
  EXPECT_NEAR(first.at("speed_tg").get<double>() * first.at("t_tg").get<double>(), 32, 0.01);
  EXPECT_EQ(rigsim(line + "csv").code, 2);
  EXPECT_EQ(rigsim(kBench + "--llama-bench xml").code, 2);
}

// 128 x 8,192 tokens of 16-bit keys and values are 137 GB.
TEST(Run, BatchedBenchHasTheRowsThatFit) {
  const std::string line =
      kBench + "--prompt 8000 --output-tokens 32 --batch 1,128 --batched-bench md";
  const Outcome some = rigsim(line);
  EXPECT_EQ(some.code, 4);
  EXPECT_THAT(some.out, HasSubstr("|  8000 |     32 |    1 |   8032 | "));
  EXPECT_THAT(some.err, HasSubstr("these batches do not fit and have no row: 128"));
  EXPECT_THAT(rigsim(kBench + "--prompt 8000 --batch 128,256 --batched-bench md").out,
              HasSubstr("does not fit"));
}

TEST(Run, PrintsOneFormOnly) {
  EXPECT_THAT(rigsim(kBench + "--llama-bench md --batched-bench md").err,
              HasSubstr("--batched-bench: does not go with --llama-bench"));
  EXPECT_THAT(rigsim(kBench + "--json --llama-bench md").err,
              HasSubstr("--json: does not go with --llama-bench"));
}

TEST(Run, TheTraceIsTheSameTwice) {
  const Folder folder;
  folder.write("s.yaml", kScenario);
  const Folder one;
  const Folder two;
  for (const Folder* where : {&one, &two}) {
    const std::string scenario = (folder.path() / "s.yaml").string();
    ASSERT_EQ(rigsim("run " + scenario + " --trace t.h5", {.folder = where->path()}).code, 0);
  }
  EXPECT_EQ(contents(one.path() / "t.h5"), contents(two.path() / "t.h5"));
}

TEST(Run, TraceAndOutputGoToDifferentFiles) {
  const Folder folder;
  folder.write("s.yaml", kScenario);
  EXPECT_EQ(rigsim("run s.yaml --trace t.h5 --output t.h5", {.folder = folder.path()}).code, 2);
  const Outcome run = rigsim("run s.yaml --trace t.h5 --output o.h5", {.folder = folder.path()});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(folder.names(), testing::ElementsAre("o.h5", "s.yaml", "t.h5"));
}

// The hidden state crosses from gpu0 to gpu1 once a token. Whatever its way costs more, every token
// costs more, and the time lands in the link's share of the critical path and nowhere else.
TEST(Run, ASlowerCableCostsEveryTokenWhatTheCriticalPathSays) {
  const Folder folder;
  const std::string rig = rigsim("catalog rigs 2x4090").out;
  const std::string latency = "latency: 550 ns";
  const std::size_t at = rig.rfind(latency);  // gpu1's cable
  ASSERT_NE(at, std::string::npos) << rig;
  const auto with = [&](const std::string& other) {
    return std::string(rig).replace(at, latency.size(), other);
  };
  // Both are beyond the fixed cost of a staged copy, which would hide a short latency.
  folder.write("fast.yaml", with("latency: 1 ms"));
  folder.write("slow.yaml", with("latency: 2 ms"));
  const std::string work =
      " --model llama-3-8b --weights q4_k_m --prompt 0 --output-tokens 16 --json";
  const json before =
      document("run --rig fast.yaml" + work, {.folder = folder.path()}).at("rigs")[0];
  const json after =
      document("run --rig slow.yaml" + work, {.folder = folder.path()}).at("rigs")[0];
  const auto tpot = [](const json& rig_json) {
    return rig_json.at("tpot_s").at("value").get<double>();
  };
  const auto path = [](const json& rig_json, const char* cause) {
    return rig_json.at("critical_path_s").at(cause).get<double>() / 16;
  };
  EXPECT_NEAR(tpot(after) - tpot(before), 1e-3, 1e-9);
  EXPECT_NEAR(path(after, "link") - path(before, "link"), 1e-3, 1e-9);
  for (const char* cause : {"compute", "memory", "launch", "host"}) {
    EXPECT_NEAR(path(after, cause), path(before, cause), 1e-12) << cause;
  }
}

}  // namespace
}  // namespace rigsim::cli::test
