#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kModel = " --model llama-3-8b --weights q4_k_m --prompt 64 --output-tokens 1";

// One output token after the prompt is the prompt's own: prefill takes the whole run.
TEST(Export, TheReplayOfAPromptTakesWhatTheRunTakes) {
  const Folder folder;
  for (const std::string rig : {"4090", "2x4090", "2x3090-nvlink"}) {
    const std::string on = " --rig " + rig;
    const Outcome run =
        rigsim("export --graph g.json --step prefill" + on + kModel, {.folder = folder.path()});
    ASSERT_EQ(run.code, 0) << run.err;
    const json replay = document("replay g.json --json" + on, {.folder = folder.path()});
    const json whole = document("run --json" + on + kModel);
    EXPECT_NEAR(replay.at("makespan_s").get<double>(),
                whole.at("rigs")[0].at("ttft_s").at("value").get<double>(), 1e-15)
        << rig;
  }
}

TEST(Export, AChakraTraceReplaysLikeTheJson) {
  const Folder folder;
  const std::string on = " --rig 2x4090";
  const std::string what = on + kModel + " --context 65";
  ASSERT_EQ(rigsim("export --graph g.json" + what, {.folder = folder.path()}).code, 0);
  ASSERT_EQ(rigsim("export --graph et --format chakra" + what, {.folder = folder.path()}).code, 0);
  EXPECT_THAT(folder.names(), testing::IsSupersetOf({"et.0.et", "et.1.et", "et.comm_groups.json"}));
  const json by_json = document("replay g.json --json" + on, {.folder = folder.path()});
  const json by_chakra = document("replay --chakra et --json" + on, {.folder = folder.path()});
  EXPECT_EQ(by_json.at("makespan_ps"), by_chakra.at("makespan_ps"));
  EXPECT_EQ(by_json.at("ops").size(), by_chakra.at("ops").size());
}

const std::string kTensor = kModel + " --context 65 --engine llama.cpp --split tensor";

// Two sums a layer of 32 layers.
TEST(Export, ATensorSplitShowsItsCollectives) {
  const Folder folder;
  const std::string what = " --rig 2x4090" + kTensor;
  ASSERT_EQ(rigsim("export --graph g.json" + what, {.folder = folder.path()}).code, 0);
  ASSERT_EQ(rigsim("export --graph et --format chakra" + what, {.folder = folder.path()}).code, 0);
  ASSERT_EQ(rigsim("export --graph g.dot --format dot" + what, {.folder = folder.path()}).code, 0);
  EXPECT_THAT(contents(folder.path() / "g.dot"), HasSubstr("all_reduce of 2, 8 KiB, "));
  json makespan;
  for (const std::string graph : {"g.json", "--chakra et"}) {
    const json replay =
        document("replay " + graph + " --json --rig 2x4090", {.folder = folder.path()});
    std::size_t collectives = 0;
    for (const json& op : replay.at("ops")) collectives += op.at("cause") == "collective" ? 1 : 0;
    EXPECT_EQ(collectives, 64U);
    EXPECT_GT(replay.at("critical_path_s").at("collective"), 0);
    if (!makespan.is_null()) {
      EXPECT_EQ(replay.at("makespan_ps"), makespan);
    }
    makespan = replay.at("makespan_ps");
  }
}

struct PricedStep {
  const char* rig;
  const char* model;
  std::string split;
  const char* step;
};

std::string command_for(const json& node, const std::string& rig) {
  std::string devices;
  for (const json& device : node.at("devices"))
    devices += ',' + device.get<std::string>().substr(3);
  const std::string size = node.contains("size_bytes")
                               ? std::to_string(node.at("size_bytes").get<std::int64_t>())
                               : node.at("size").get<std::string>();
  std::string line = "collective " + node.at("collective").get<std::string>() + " --json --rig " +
                     rig + " --devices " + devices.substr(1) + " --library " +
                     node.value("library", "nccl") + " --sizes ";
  for (const char c : size)
    if (c != ' ') line += c;
  return line + " --launch " + node.value("launch", "graph");
}

// Of a step's collectives (of several groups at once only what they take alone), of their replay
// without the durations, and of the command. The tree's uplinks are shared, and its ranks permuted.
TEST(Export, OneCollectiveHasOnePriceEverywhere) {
  const std::string vllm = "--engine vllm --plan ";
  const std::string ggml = "--engine llama.cpp --split tensor";
  for (const PricedStep& step :
       {PricedStep{"8x-pro-6000-tree", "llama-3-8b", ggml + " --devices 0,2,4,6,1,3,5,7",
                   "prefill"},
        PricedStep{"8x-pro-6000-tree", "llama-3-8b", vllm + "tp=8,sp=on", "decode"},
        PricedStep{"8x-pro-6000-tree", "mixtral-8x7b", vllm + "tp=2,dp=4,ep=8", "decode"},
        PricedStep{"4xa100-80gb-pcie", "llama-3-8b", vllm + "tp=4,sp=on", "prefill"},
        PricedStep{"4x3090", "llama-3-8b", vllm + "tp=4", "decode"},
        PricedStep{"8xh100-sxm", "llama-3-8b", vllm + "tp=8", "prefill"}}) {
    SCOPED_TRACE(std::string(step.rig) + ' ' + step.split);
    const Folder folder;
    const std::string on = std::string(" --rig ") + step.rig;
    const Outcome run =
        rigsim("export --graph g.json --weights f16 --prompt 64 --batch 8" + on + " --model " +
                   step.model + ' ' + step.split + " --step " + step.step,
               {.folder = folder.path()});
    ASSERT_EQ(run.code, 0) << run.err;
    json graph = json::parse(contents(folder.path() / "g.json"));
    const json priced = document("replay g.json --json" + on, {.folder = folder.path()});
    std::map<std::string, double> told;
    for (std::size_t i = 0; i < graph.at("nodes").size(); ++i) {
      json& node = graph.at("nodes")[i];
      if (node.at("kind") != "collective") continue;
      for (const char* key : {"duration", "duration_s", "algorithm"}) node.erase(key);
      const std::string line = command_for(node, step.rig);
      if (!told.contains(line)) told[line] = document(line).at("rows").at(0).at("time_s");
      if (node.contains("links")) continue;
      const json& op = priced.at("ops")[i];
      EXPECT_NEAR(op.at("end_s").get<double>() - op.at("start_s").get<double>(), told[line], 2e-12)
          << line;
    }
    EXPECT_FALSE(told.empty());
    folder.write("anew.json", graph.dump());
    const json anew = document("replay anew.json --json" + on, {.folder = folder.path()});
    EXPECT_EQ(anew.at("makespan_ps"), priced.at("makespan_ps"));
  }
}

TEST(Export, AReplayOnAnotherRigWarnsAndNamesBoth) {
  const Folder folder;
  ASSERT_EQ(rigsim("export --graph g.json --rig 2x4090" + kTensor, {.folder = folder.path()}).code,
            0);
  const Outcome here = rigsim("replay g.json --json --rig 2x-rtx-4090", {.folder = folder.path()});
  EXPECT_EQ(here.err, "");
  const json same = json::parse(here.out);
  EXPECT_EQ(same.at("priced_on"), "2x4090");
  EXPECT_EQ(same.at("priced_elsewhere"), false);
  const Outcome there = rigsim("replay g.json --json --rig 2x3090", {.folder = folder.path()});
  EXPECT_EQ(there.code, 0);
  EXPECT_EQ(there.err,
            "warning: g.json: priced on 2x4090 (2x rtx-4090), replayed on 2x3090 (2x rtx-3090): "
            "compute, host work and delays keep their durations; transfers and collectives take "
            "what they take here\n");
  EXPECT_EQ(json::parse(there.out).at("priced_elsewhere"), true);
}

TEST(Export, GraphvizGetsABoxPerNodeAndAnArrowPerDependency) {
  const Folder folder;
  ASSERT_EQ(
      rigsim("export --graph g.dot --format dot --rig 4090" + kModel, {.folder = folder.path()})
          .code,
      0);
  const std::string dot = contents(folder.path() / "g.dot");
  EXPECT_THAT(dot, HasSubstr("digraph"));
  EXPECT_THAT(dot, HasSubstr("attn_output"));
  EXPECT_THAT(dot, HasSubstr("n0 -> n1;"));
}

TEST(Export, ExitCodesTellWhoseFaultItWas) {
  const auto code = [](const std::string& line) { return rigsim("export " + line).code; };
  EXPECT_EQ(code("--rig 4090" + kModel), 2);
  EXPECT_EQ(code("--graph g.x --format svg --rig 4090" + kModel), 2);
  EXPECT_EQ(code("--graph g.x --step sampling --rig 4090" + kModel), 2);
  EXPECT_EQ(code("--graph /nonexistent/g.json --rig 4090" + kModel), 6);
}

}  // namespace
}  // namespace rigsim::cli::test
