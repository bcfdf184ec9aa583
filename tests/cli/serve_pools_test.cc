#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// 1,000 tokens are 63 blocks of 16, 131,072 bytes a token: 132.1 MB, staged at 22 GB/s behind 12
// us.
TEST(ServePools, PromptsOnAReplicaOfTheirOwnMoveTheirCacheOverTheLink) {
  const std::string line =
      "serve --rig 2x4090 --plan dp=2 --model llama-3-8b --weights awq --engine vllm --traffic "
      "uniform:0.1/s --requests 4 --prompt 1000 --output-tokens 20 --prefill-replicas ";
  const json served = document(line + "1 --json");
  EXPECT_EQ(served.at("engine").at("prefill_replicas"), 1);
  EXPECT_NEAR(served.at("kv_transfer_s").at("mean").get<double>(), 12e-6 + 63 * 16 * 131'072 / 22e9,
              1e-9);
  EXPECT_GT(served.at("ttft_s").at("mean"), served.at("kv_transfer_s").at("mean"));
  EXPECT_THAT(rigsim(line + "2").err, HasSubstr("--prefill-replicas: must leave replicas"));
  EXPECT_THAT(
      rigsim(line + "1 --batching orca").err,
      HasSubstr("--prefill-replicas: separate replicas for prompts are modelled with vllm-v1"));
}

// Caches land while decoding replicas leap, and free blocks for the next prompts.
TEST(ServePools, LeapsAndStepsGiveTheSameTimes) {
  for (const std::string& line :
       {std::string("--rig 2xa100-80gb-sxm --plan dp=2 --prefill-replicas 1 --traffic uniform:4/s "
                    "--requests 6"),
        std::string("--rig 4xh100-sxm --plan dp=4 --prefill-replicas 2 --traffic poisson:20/s "
                    "--requests 100 --prompt 3000"),
        std::string("--rig 4xh100-sxm --plan dp=3 --prefill-replicas 1 --kv-blocks 400 --traffic "
                    "closed:8 --requests 40 --prompt 2000 --output-tokens 900")}) {
    SCOPED_TRACE(line);
    const std::string all = "serve --model llama-3-8b --weights bf16 --engine vllm --json " + line;
    const json leaps = document(all);
    const json steps = document(all + " --exact-steps");
    for (const char* key : {"ttft_s", "kv_wait_s", "kv_transfer_s", "itl_s", "e2e_s", "steps"})
      EXPECT_EQ(leaps.at(key), steps.at(key)) << key;
  }
}

TEST(ServePools, NeedReplicasThatAreAlike) {
  const Folder folder;
  folder.write("mixed.yaml",
               "name: mixed\ndevices:\n  - device: h100-sxm\n  - device: rtx-4090\nlink: pcie\n");
  const Outcome run = rigsim(
      "serve --rig mixed.yaml --plan dp=2 --model llama-3-8b --weights bf16 "
      "--engine vllm --traffic poisson:1/s",
      {.folder = folder.path()});
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("replicas of unlike devices are not modelled"));
}

}  // namespace
}  // namespace rigsim::cli::test
