#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

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
  EXPECT_THAT(rigsim(kTight + "--batching vllm-v0:swap").out, HasSubstr("2048 KV blocks there"));
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
  const Outcome run = rigsim(kTight + "--batching vllm-v0:swap,swap-gib=0.05");
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.out, HasSubstr("The swap space is full"));
}

TEST(ServeSwap, HasToFitTheHost) {
  const Folder folder;
  folder.write("small.yaml",
               "name: small\ndevices:\n  - device: rtx-4090\nhost: {memory: 8 GiB}\n");
  const Outcome run = rigsim(
      "serve --rig small.yaml --model llama-3-8b --weights bf16 --engine vllm --batching "
      "vllm-v0:swap,swap-gib=6 --traffic poisson:1/s",
      {.folder = folder.path()});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("6.0 GiB for 1 devices; the rig's hosts have 8.0 GiB"));
}

}  // namespace
}  // namespace rigsim::cli::test
