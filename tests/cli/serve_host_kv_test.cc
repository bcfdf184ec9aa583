#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"
#include "tests/cli/unwrapped.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

/// Eight users whose sequences do not all fit.
const std::string kTight =
    "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic closed:8 "
    "--requests 24 --prompt 600 --output-tokens 400 --kv-blocks 300 ";

// Blocks of 16 tokens, 131,072 bytes each: 2 MiB, 2,048 of them in 4 GiB. All that leaves comes
// back.
TEST(ServeSwap, MovesTheBlocksOfWhoIsPreempted) {
  const json served = document(kTight + "--batching vllm-v0:swap --json");
  const json& swap = served.at("swap");
  EXPECT_EQ(swap.at("space_blocks"), 2'048);
  EXPECT_GT(served.at("preemptions"), 0);
  EXPECT_GT(swap.at("out_bytes"), 0);
  EXPECT_EQ(swap.at("out_bytes"), swap.at("in_bytes"));
  EXPECT_EQ(swap.at("out_bytes").get<std::int64_t>() % (2 << 20), 0);
  // 64 copies of 32 KiB a block, each behind 0.55 us at 26.5 GB/s, both ways.
  const double blocks = 2 * swap.at("out_bytes").get<double>() / (2 << 20);
  const double copying = blocks * 64 * (0.55e-6 + 32'768 / 26.5e9);
  const double busy =
      served.at("busy_fraction").get<double>() * served.at("duration_s").at("value").get<double>();
  EXPECT_NEAR(swap.at("busy_fraction").get<double>() * busy / copying, 1, 0.01);
  EXPECT_TRUE(document(kTight + "--batching vllm-v0 --json").at("swap").is_null());
  EXPECT_THAT(rigsim(kTight + "--batching vllm-v0:swap").out, HasSubstr("2048 KV blocks there."));
}

TEST(ServeSwap, LeapsAndStepsGiveTheSameTimes) {
  const std::string line = kTight + "--batching vllm-v0:swap,watermark=0 --json";
  const json leaps = document(line);
  const json steps = document(line + " --exact-steps");
  for (const char* key : {"ttft_s", "itl_s", "e2e_s", "steps", "swap", "preemptions"})
    EXPECT_EQ(leaps.at(key), steps.at(key)) << key;
}

// 0.05 GiB are 25 blocks, fewer than a prompt's.
TEST(ServeSwap, EndsWhereTheSwapSpaceIsFull) {
  const Folder folder;
  const Outcome run = rigsim(kTight + "--batching vllm-v0:swap,swap-gib=0.05 --trace t.h5",
                             {.folder = folder.path()});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.out, HasSubstr("t.h5, marked incomplete"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "t.h5"));
  EXPECT_THAT(run.out, HasSubstr("The swap space is full"));
}

// 0.59 GiB are 302 blocks, as many as these need; slower devices have more to swap.
TEST(ServeSwap, HasNoBandsWhereOnlySlowerDevicesFillTheSwapSpace) {
  const std::string line =
      "serve --rig h100-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic poisson:6/s "
      "--requests 200 --prompt 500 --output-tokens 400 --batching vllm-v0:swap,swap-gib=0.59 "
      "--kv-blocks 900 ";
  const Folder folder;
  const Outcome text = rigsim(line + "--trace t.h5", {.folder = folder.path()});
  EXPECT_EQ(text.code, 0);
  EXPECT_THAT(unwrapped(text.out),
              HasSubstr("None here: on the slower ones the swap space is full"));
  EXPECT_EQ(folder.names(), std::vector<std::string>{"t.h5"});
  const json served = document(line + "--json");
  EXPECT_EQ(served.at("requests"), 200);
  EXPECT_TRUE(served.at("output_tokens_per_s").at("low").is_null());
  EXPECT_TRUE(served.at("ttft_s").at("high").is_null());
}

TEST(ServeSwap, HasToFitTheHost) {
  const Folder folder;
  folder.write("small.yaml",
               "name: small\ndevices:\n  - device: rtx-4090\nhost: {name: box, memory: 8 GiB, "
               "memory_bandwidth: 40 GB/s, "
               "cores: 8}\n");
  const Outcome run = rigsim(
      "serve --rig small.yaml --model llama-3-8b --weights bf16 --engine vllm --batching "
      "vllm-v0:swap,swap-gib=6 --traffic poisson:1/s",
      {.folder = folder.path()});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("6.0 GiB for 1 devices; the rig's hosts have 8.0 GiB"));
}

/// Of 2,048 tokens, two of 4,000 that take the device's 299 blocks, and the first one again.
void write_trace(const Folder& folder) {
  folder.write(
      "again.jsonl",
      R"({"timestamp": 0, "input_length": 2048, "output_length": 10, "hash_ids": [1, 2, 3, 4]}
{"timestamp": 4000, "input_length": 4000, "output_length": 10, "hash_ids": [11, 12, 13, 14, 15, 16, 17, 18]}
{"timestamp": 8000, "input_length": 4000, "output_length": 10, "hash_ids": [21, 22, 23, 24, 25, 26, 27, 28]}
{"timestamp": 12000, "input_length": 2048, "output_length": 10, "hash_ids": [1, 2, 3, 4]}
)");
}

const std::string kAgain =
    "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --kv-blocks 300 "
    "--traffic again.jsonl ";

// Blocks of 2 MiB: 128 + 250 + 250 of them are full and stored, the last request loads its 128 and
// computes one token.
TEST(ServeHostKv, LoadsWhatTheDeviceHasForgotten) {
  const Folder folder;
  write_trace(folder);
  const auto served = [&](const std::string& options) {
    const Outcome run = rigsim(kAgain + options + " --json", {.folder = folder.path()});
    EXPECT_EQ(run.code, 0) << run.err;
    return json::parse(run.out);
  };
  const json with = served("--host-kv 4GiB");
  const json& host = with.at("host_kv");
  EXPECT_EQ(host.at("blocks"), 2'048);
  EXPECT_EQ(host.at("stored_bytes"), std::int64_t{628} * (2 << 20));
  EXPECT_EQ(host.at("loaded_bytes"), std::int64_t{128} * (2 << 20));
  EXPECT_EQ(host.at("prompt_tokens"), 2'047);
  EXPECT_EQ(with.at("cached_prompt_tokens"), 0);
  const json without = served("");
  EXPECT_TRUE(without.at("host_kv").is_null());
  EXPECT_LT(with.at("ttft_s").at("mean"), without.at("ttft_s").at("mean"));
  const json steps = served("--host-kv 4GiB --exact-steps");
  for (const char* key : {"ttft_s", "itl_s", "e2e_s", "steps", "host_kv"})
    EXPECT_EQ(with.at(key), steps.at(key)) << key;
  const std::string text =
      unwrapped(rigsim(kAgain + "--host-kv 4GiB", {.folder = folder.path()}).out);
  EXPECT_THAT(text,
              HasSubstr("0 prompt tokens found on the devices, 2047 behind them in host memory"));
  EXPECT_THAT(text, HasSubstr("GB loaded, for prompts and for preempted sequences."));
  EXPECT_THAT(text, Not(HasSubstr("has no prefix hashes")));
}

TEST(ServeHostKv, SaysThatTrafficWithoutHashesFindsNoPrompts) {
  const Outcome run = rigsim(
      "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic "
      "poisson:4/s --requests 20 --host-kv 4GiB");
  EXPECT_THAT(unwrapped(run.out), HasSubstr("The traffic has no prefix hashes: no prompt is found "
                                            "again, only what preempted sequences left."));
}

// Each at the option that asks for it, not at the plan.
TEST(ServeHostMemory, IsRefusedAtItsOption) {
  const std::string a100 =
      "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine "
      "vllm --traffic poisson:1/s ";
  const auto error = [](const std::string& line) { return rigsim(line).err; };
  EXPECT_THAT(error(a100 + "--host-kv 2GiB --speculative ngram,tokens=3,acceptance=0.5"),
              HasSubstr("--host-kv: host memory behind the prefix cache is not modelled with "
                        "speculative decoding"));
  EXPECT_THAT(error(a100 + "--host-kv 10B"), HasSubstr("--host-kv: host memory"));
  EXPECT_THAT(error("serve --rig 2x4090 --model llama-3-8b --weights bf16 --engine vllm --traffic "
                    "poisson:1/s --host-kv 5TiB"),
              HasSubstr("--host-kv: host memory"));
  EXPECT_THAT(error("serve --rig 2xa100-80gb-sxm --plan dp=2,ep=2 --model mixtral-8x7b --weights "
                    "awq --engine vllm --traffic poisson:1/s --host-kv 2GiB"),
              HasSubstr("--host-kv: host memory for KV blocks is not modelled with experts"));
  EXPECT_THAT(error("serve --rig 2x4090 --model llama-3-8b --weights bf16 --engine vllm --traffic "
                    "poisson:1/s --batching vllm-v0:swap,swap-gib=900000"),
              HasSubstr("--batching: host memory"));
  EXPECT_THAT(
      error(a100 + "--batching vllm-v0:swap,swap-gib=0"),
      HasSubstr("--batching: swap-gib must be a number from 0.001000 to 1000000.000000 GiB"));
  EXPECT_THAT(
      error(a100 + "--batching vllm-v0:swap,swap-gib=0.001"),
      HasSubstr("--batching: host memory behind the KV cache: 1073742 bytes for each device "
                "are less than a block of 2097152"));
  EXPECT_THAT(error("serve --rig 2x4090 --model llama-3-8b --weights q4_k_m --engine llama.cpp "
                    "--traffic poisson:1/s --batching vllm-v0:swap"),
              HasSubstr("--batching: host memory for KV blocks is not modelled"));
  EXPECT_THAT(error("serve --rig m2-max-38c --model llama-3-8b --weights q4_k_m --engine llama.cpp "
                    "--traffic poisson:1/s --batching vllm-v0:swap"),
              HasSubstr("--batching: host memory behind the KV cache needs devices with a memory"));
}

TEST(ServeHostKv, IsRefusedWhereItIsNotModelled) {
  const std::string line =
      "serve --rig 2xa100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic "
      "poisson:1/s --host-kv ";
  EXPECT_THAT(rigsim(line + "64").err, HasSubstr("--host-kv"));
  EXPECT_THAT(rigsim(line + "1MiB").err, HasSubstr("less than a block of 2097152"));
  EXPECT_THAT(
      rigsim(line + "8GiB --plan pp=2").err,
      HasSubstr("--host-kv: host memory behind the prefix cache is not modelled with pipelines"));
  EXPECT_THAT(rigsim(line + "8GiB --batching orca").err, HasSubstr("not with orca"));
  EXPECT_THAT(rigsim(line + "8GiB --prefix-caching off").err, HasSubstr("needs prefix caching"));
  EXPECT_THAT(rigsim(line + "8GiB --plan dp=2 --prefill-replicas 1").err,
              HasSubstr("prompts on replicas of their own"));
}

// The host has 256 GiB; 0.7 of them is the most of V0's swap space alone.
TEST(ServeHostKv, TakesAsMuchAsTheHostHas) {
  const std::string line =
      "serve --rig 8x4090 --model llama-3-8b --weights bf16 --engine vllm "
      "--plan tp=8 --traffic poisson:1/s --requests 5 ";
  EXPECT_GT(document(line + "--host-kv 200GiB --json").at("host_kv").at("blocks"), 0);
  EXPECT_THAT(rigsim(line + "--host-kv 300GiB").err,
              HasSubstr("300.0 GiB for 8 devices; the rig's hosts have 256.0 GiB"));
  EXPECT_THAT(rigsim(line + "--batching vllm-v0:swap,swap-gib=25").err,
              HasSubstr("200.0 GiB for 8 devices; the rig's hosts have 256.0 GiB, of which the "
                        "swap space of one replica may take 179.2 GiB"));
}

TEST(ServeHostKv, IsSaidInAScenarioToo) {
  const Folder folder;
  write_trace(folder);
  folder.write("again.yaml",
               "rig: a100-80gb-sxm\nmodel: llama-3-8b\nweights: bf16\nengine: vllm\n"
               "traffic: again.jsonl\nserving: {kv_blocks: 300, host_kv: 4 GiB}\n");
  const Outcome run = rigsim("serve again.yaml --json", {.folder = folder.path()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(json::parse(run.out).at("host_kv").at("blocks"), 2'048);
}

}  // namespace
}  // namespace rigsim::cli::test
