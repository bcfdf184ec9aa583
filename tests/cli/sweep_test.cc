#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <string>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::string kBase =
    "base: {rig: rtx-4090, model: llama-3-8b, weights: q4_k_m, prompt_tokens: 64, output_tokens: "
    "16}\n";

TEST(Sweep, ShowsASmallSweepAsATable) {
  const Folder folder;
  folder.write("s.yaml", kBase +
                             "axes:\n- {key: rig, values: [rtx-4090, a6000]}\n"
                             "- {key: batch, values: {from: 1, to: 4, factor: 2}}\n");
  const auto run = rigsim("sweep s.yaml", {.folder = folder.path()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("decode tokens/s"));
  EXPECT_THAT(run.out, HasSubstr("6 points: 6 done.\n"));
  EXPECT_THAT(folder.names(), ElementsAre("s.yaml"));
}

// A point says what `rigsim run` says of the same scenario.
TEST(Sweep, IsWhatRunSays) {
  const Folder folder;
  folder.write("s.yaml", kBase + "axes:\n- {key: batch, values: [2]}\n");
  const json sweep = document("sweep s.yaml --json", {.folder = folder.path()});
  const json run = document(
      "run --rig rtx-4090 --model llama-3-8b --weights q4_k_m --prompt 64 --output-tokens 16 "
      "--batch 2 --json");
  const json& row = sweep.at("rows").at(0);
  EXPECT_EQ(row.at("axes").at("batch"), 2);
  const json& rig = run.at("rigs").at(0);
  EXPECT_EQ(row.at("decode_tokens_per_s"), rig.at("decode_tokens_per_s").at("value"));
  EXPECT_EQ(row.at("ttft_s_high"), rig.at("ttft_s").at("high"));
  EXPECT_EQ(row.at("tpot_s_evidence"), rig.at("tpot_s").at("evidence"));
}

// And of served traffic what `rigsim serve` says.
TEST(Sweep, IsWhatServeSays) {
  const Folder folder;
  folder.write("s.yaml",
               "base:\n  rig: a100-80gb-sxm\n  model: llama-3-8b\n  weights: bf16\n  engine: vllm\n"
               "  traffic: {source: 'poisson:1/s', requests: 80}\n  serving: {slo: {ttft: 1 s}}\n"
               "axes:\n- {key: traffic.rate_scale, values: [3]}\n- {key: serving.max_num_seqs, "
               "values: [16]}\nrun: serve\n");
  const json row = document("sweep s.yaml --json", {.folder = folder.path()}).at("rows").at(0);
  const json serve = document(
      "serve --rig a100-80gb-sxm --model llama-3-8b --weights bf16 --engine vllm --traffic "
      "poisson:1/s --requests 80 --rate-scale 3 --max-num-seqs 16 --slo ttft=1s --json");
  for (const char* name : {"ttft", "tpot", "e2e"}) {
    for (const char* which : {"mean", "p50", "p99"})
      EXPECT_EQ(row.at(std::string(name) + '_' + which + "_s"),
                serve.at(std::string(name) + "_s").at(which))
          << name << which;
  }
  EXPECT_EQ(row.at("energy_j"), serve.at("energy_j").at("value"));
  EXPECT_EQ(row.at("mean_batch"), serve.at("mean_batch"));
  EXPECT_EQ(row.at("busy_fraction"), serve.at("busy_fraction"));
}

TEST(Sweep, GoesOnFromItsFile) {
  const Folder folder;
  const RunOptions here{.folder = folder.path()};
  folder.write("s.yaml", kBase + "axes:\n- {key: batch, values: [1, 2]}\n");
  const auto first = rigsim("sweep s.yaml --output s.h5 --threads 1", here);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.out, HasSubstr("They are in s.h5, table /points."));
  folder.write("s.yaml", kBase + "axes:\n- {key: batch, values: [2, 4, 8]}\n");
  const json more = document("sweep s.yaml --output s.h5 --json", here);
  EXPECT_EQ(more.at("points"), 3);
  EXPECT_EQ(more.at("reused"), 1);
  EXPECT_EQ(more.at("dropped"), 1);
  EXPECT_THAT(folder.names(), ElementsAre("s.h5", "s.yaml"));
}

TEST(Sweep, EndsWithWhatBecameOfThePoints) {
  const Folder folder;
  const RunOptions here{.folder = folder.path()};
  folder.write("s.yaml", kBase + "axes:\n- {key: plan, values: [~, tp=2]}\n");
  const auto refused = rigsim("sweep s.yaml", here);
  EXPECT_EQ(refused.code, 5);
  EXPECT_THAT(refused.out, HasSubstr("2 points: 1 done, 1 refused."));
  folder.write("s.yaml", kBase + "axes:\n- {key: model, values: [llama-3-70b]}\n");
  const auto none = rigsim("sweep s.yaml", here);
  EXPECT_EQ(none.code, 4);
  EXPECT_THAT(none.out, HasSubstr("does not fit: "));
}

TEST(Sweep, CountsAndEstimatesWithoutRunning) {
  const Folder folder;
  folder.write("s.yaml", kBase +
                             "axes:\n- {key: batch, values: {from: 1, to: 100, step: 1}}\n"
                             "- {key: seed, values: {from: 0, to: 99, step: 1}}\nskip:\n"
                             "- {batch: 1, seed: [0, 1]}\n");
  const json dry = document("sweep s.yaml --dry-run --threads 1 --json", {.folder = folder.path()});
  EXPECT_EQ(dry.at("points"), 9998);
  EXPECT_EQ(dry.at("skipped"), 2);
  EXPECT_GT(dry.at("seconds"), 0);
}

TEST(Sweep, SaysWhatIsWrong) {
  const Folder folder;
  const RunOptions here{.folder = folder.path()};
  folder.write("s.yaml", kBase + "axes:\n- {key: bacth, values: [1]}\n");
  const auto run = rigsim("sweep s.yaml", here);
  EXPECT_EQ(run.code, 2);
  EXPECT_THAT(run.err, HasSubstr("s.yaml:3:9: bacth: "));
  EXPECT_EQ(rigsim("sweep", here).code, 2);
  EXPECT_EQ(rigsim("sweep missing.yaml", here).code, 3);
  folder.write("s.yaml", kBase + "axes:\n- {key: batch, values: [1]}\n");
  EXPECT_EQ(rigsim("sweep s.yaml --threads 0", here).code, 2);
  folder.write("s.h5", "mine");
  const auto other = rigsim("sweep s.yaml --output s.h5", here);
  EXPECT_EQ(other.code, 3);
  EXPECT_THAT(other.err, HasSubstr("s.h5: is no HDF5 file"));
  EXPECT_EQ(contents(folder.path() / "s.h5"), "mine");
  EXPECT_EQ(rigsim("sweep s.yaml --output no/s.h5", here).code, 6);
}

/// Far more points than end before the signal.
std::string long_sweep() {
  return kBase +
         "axes:\n- {key: output_tokens, values: [400]}\n- {key: batch, values: {from: 1, "
         "to: 12, step: 1}}\n- {key: seed, values: {from: 0, to: 79, step: 1}}\n";
}

TEST(Sweep, KeepsWhatIsDoneWhenItIsStopped) {
  const Folder folder;
  const RunOptions here{.folder = folder.path()};
  folder.write("s.yaml", long_sweep());
  const std::string line = "sweep s.yaml --output s.h5 --threads 1";
  const auto stopped =
      rigsim_interrupted(line, SIGINT, std::chrono::milliseconds(400), folder.path());
  EXPECT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("the same command goes on from there"));
  EXPECT_THAT(folder.names(), testing::Contains("s.h5.part"));
  const auto killed =
      rigsim_interrupted(line, SIGKILL, std::chrono::milliseconds(400), folder.path());
  EXPECT_EQ(killed.code, 128 + SIGKILL);
  EXPECT_THAT(folder.names(), Not(testing::Contains("s.h5")));
  const json rest = document(line + " --json", here);
  EXPECT_EQ(rest.at("points"), 960);
  EXPECT_GT(rest.at("reused"), 0);
  EXPECT_THAT(folder.names(), ElementsAre("s.h5", "s.yaml"));
  EXPECT_EQ(rigsim("sweep s.yaml --output whole.h5", here).code, 0);
  EXPECT_TRUE(contents(folder.path() / "s.h5") == contents(folder.path() / "whole.h5"));
}

}  // namespace
}  // namespace rigsim::cli::test
