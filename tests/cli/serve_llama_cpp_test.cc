#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/document.h"
#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A request alone takes what `run` says: llama.cpp's prompt of 2,048 tokens goes through the layers
// in four micro-batches there and here. Decoding is interpolated between contexts.
TEST(ServeLlamaCpp, ServesASingleStreamAsItRuns) {
  const std::string what =
      "--rig rtx-4090 --model llama-3-8b --weights q4_k_m --engine llama.cpp --prompt 2048 "
      "--output-tokens 64 --json";
  const json served = document("serve --traffic uniform:0.01/s --requests 3 " + what);
  const json alone = document("run " + what).at("rigs")[0];
  EXPECT_EQ(served.at("engine").at("batching"), "llama.cpp");
  EXPECT_EQ(served.at("kv_blocks"), 4 * 8192 / 32);  // slots of the model's 8,192 tokens
  EXPECT_DOUBLE_EQ(served.at("ttft_s").at("mean").get<double>(),
                   alone.at("ttft_s").at("value").get<double>());
  const double tpot = alone.at("tpot_s").at("value");
  EXPECT_NEAR(served.at("tpot_s").at("mean").get<double>(), tpot, 0.001 * tpot);
}

/// What `serve` says of single requests, and `run`.
void expect_served_as_run(const std::string& what, const RunOptions& options = {}) {
  SCOPED_TRACE(what);
  const std::string line = what + " --output-tokens 48 --json";
  const json served = document("serve --traffic uniform:0.001/s --requests 2 " + line, options);
  const json alone = document("run " + line, options).at("rigs")[0];
  const double ttft = alone.at("ttft_s").at("value");
  const double tpot = alone.at("tpot_s").at("value");
  EXPECT_NEAR(served.at("ttft_s").at("mean").get<double>(), ttft, 0.001 * ttft);
  EXPECT_NEAR(served.at("tpot_s").at("mean").get<double>(), tpot, 0.001 * tpot);
}

// On several devices too, split by layers (unasked) or by rows, like devices or not. 6,000 tokens
// are three batches.
TEST(ServeLlamaCpp, ServesASingleStreamOnSeveralDevicesAsItRuns) {
  const std::string eight = "--model llama-3-8b --weights q4_k_m --engine llama.cpp ";
  expect_served_as_run(
      "--rig 2x4090 --model llama-3-70b --weights q4_k_m --engine llama.cpp --prompt 1300");
  expect_served_as_run("--rig 4xa100-80gb-sxm --prompt 6000 " + eight);
  expect_served_as_run("--rig 2x4090 --plan tp=2,split=row --prompt 300 " + eight);
  const Folder folder;
  folder.write("mixed.yaml",
               "name: mixed\ndevices:\n  - device: rtx-4090\n  - device: rtx-3090\nlink: pcie\n");
  expect_served_as_run("--rig mixed.yaml --prompt 1300 " + eight, {.folder = folder.path()});
}

// Of two stages one computes at a time, but for prompts of several micro-batches. In the table one
// step is on its way.
TEST(ServeLlamaCpp, StagesTakeTurns) {
  const std::string line =
      "serve --rig 2x4090 --model llama-3-70b --weights q4_k_m --engine llama.cpp --requests 40 "
      "--traffic closed:4 --prompt 100";
  const json answer = document(line + " --json");
  EXPECT_EQ(answer.at("engine").at("in_flight"), 1);
  EXPECT_NEAR(answer.at("bubble_fraction").get<double>(), 0.5, 0.01);
  EXPECT_GT(answer.at("link_fraction"), 0);
  EXPECT_LT(answer.at("link_fraction"), 0.01);
  EXPECT_THAT(rigsim(line).out, HasSubstr("Pipeline: 1 step on its way at most; stages busy 50"));
  EXPECT_EQ(document(line + " --json --exact-steps").at("e2e_s"), answer.at("e2e_s"));
}

// Twelve users share four slots: of three, two wait.
TEST(ServeLlamaCpp, HasFourSlots) {
  const std::string line =
      "serve --rig rtx-4090 --model llama-3-8b --weights q4_k_m --engine llama.cpp --requests 60 "
      "--json --traffic closed:12";
  const json four = document(line);
  EXPECT_GT(four.at("mean_batch"), 3);
  EXPECT_LE(four.at("mean_batch"), 4);
  const double waited = four.at("queueing_s").at("p50");
  EXPECT_NEAR(waited / four.at("e2e_s").at("p50").get<double>(), 2.0 / 3, 0.1);
  EXPECT_LT(document(line + " --max-num-seqs 12").at("queueing_s").at("p50"), waited / 5);
}

}  // namespace
}  // namespace rigsim::cli::test
