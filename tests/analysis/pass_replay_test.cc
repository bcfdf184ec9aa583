// A pass that becomes a document, JSON and Chakra traces takes the same time, op by op.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "analysis/comparison.h"
#include "analysis/replay.h"
#include "configs/catalog.h"
#include "configs/chakra.h"
#include "configs/engine_file.h"
#include "configs/graph_json.h"
#include "configs/plan_text.h"
#include "configs/rig_digest.h"
#include "sim/executor.h"
#include "workloads/deployment_builder.h"
#include "workloads/pass_document.h"

namespace rigsim::analysis {
namespace {

using workloads::CollectiveNode;
using workloads::CollectiveRunner;
using workloads::OpGraphDocument;

struct Case {
  const char* rig;
  const char* weights;
  const char* engine;
  const char* plan = "";
  const char* model = "llama-3-8b";
};

workloads::Deployment deployed(const Case& c, double slowdown_under_copy = 0) {
  static const configs::Catalog catalog = configs::Catalog::load();
  configs::Scenario scenario;
  scenario.rig = catalog.rig(c.rig);
  for (auto& installed : scenario.rig.devices) {
    installed.device.compute_slowdown_under_copy = slowdown_under_copy;
  }
  scenario.model = catalog.model(c.model);
  scenario.weights = catalog.weights_format(c.weights);
  scenario.engine = c.engine;
  scenario.prompt_tokens = 700;
  scenario.output_tokens = 8;
  scenario.batch = 4;
  if (*c.plan != 0) scenario.plan = configs::parse_plan(c.plan);
  return workloads::deploy(deployment_request(scenario, configs::engine_named(c.engine).profile));
}

workloads::PassGraph pass_of(const workloads::Deployment& d, bool prompt) {
  return prompt ? lower_prompt(d, 700, 4) : lower_decode(d, 700, 4);
}

OpGraphDocument exported(const workloads::Deployment& d, bool prompt) {
  OpGraphDocument document = document_of(pass_of(d, prompt), d.rig, "a pass");
  document.priced_on = configs::priced_on(d.rig);
  return document;
}

std::vector<CollectiveNode> collectives_of(const OpGraphDocument& document) {
  std::vector<CollectiveNode> found;
  for (const auto& node : document.nodes) {
    if (const auto* work = std::get_if<CollectiveNode>(&node.work)) found.push_back(*work);
  }
  return found;
}

/// [ops] the node of each: transfers that a collective consists of belong to its node.
std::vector<std::size_t> node_of(const workloads::PassGraph& pass) {
  std::vector<std::size_t> nodes;
  std::size_t next = 0;
  for (const workloads::OpInfo& op : pass.ops) {
    const bool flow = op.collective && op.op_class == workloads::OpClass::kTransfer;
    nodes.push_back(flow ? next - 1 : next++);
  }
  return nodes;
}

void expect_same_times(const workloads::PassGraph& pass, const Replay& replay) {
  sim::Executor executor(pass.graph);
  const sim::Time end = executor.run(pass.graph.costs());
  EXPECT_EQ(replay.makespan, end - sim::Time{});
  const std::vector<std::size_t> nodes = node_of(pass);
  std::vector<sim::Time> start(replay.nodes.size(), sim::Time::max());
  std::vector<sim::Time> finish(replay.nodes.size());
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    start.at(nodes[i]) = std::min(start[nodes[i]], executor.started(sim::OpId{i}));
    finish[nodes[i]] = std::max(finish[nodes[i]], executor.finished(sim::OpId{i}));
  }
  for (std::size_t n = 0; n < start.size(); ++n) {
    ASSERT_EQ(replay.nodes[n].start, start[n]) << "node " << n;
    ASSERT_EQ(replay.nodes[n].end, finish[n]) << "node " << n;
  }
}

void expect_to_come_back(const OpGraphDocument& document) {
  const std::string json = configs::to_graph_json(document);
  EXPECT_TRUE(configs::parse_graph_json(json, "g") == document);
  EXPECT_TRUE(configs::to_graph_json(configs::parse_graph_json(json, "g")) == json);
  const configs::ChakraFiles files = configs::to_chakra(document);
  std::vector<configs::ChakraTrace> traces;
  for (const std::string& bytes : files.traces) {
    traces.push_back(configs::parse_chakra_trace(bytes, "t"));
  }
  const OpGraphDocument read = configs::graph_of(std::move(traces));
  EXPECT_TRUE(read == document);
  EXPECT_TRUE(configs::to_chakra(read).traces == files.traces);
}

// One device, stages, llama.cpp's row and tensor split without NCCL and with it; tensor parallel,
// stages of it, sequence parallel, experts; replicas whose rings cross the same switch.
TEST(PassReplay, TakesTheSameTimeToThePicosecond) {
  for (const Case& c :
       {Case{"4090", "q4_k_m", "llama.cpp"}, Case{"2x4090", "q4_k_m", "llama.cpp"},
        Case{"4x3090-nvlink", "q8_0", "llama.cpp"},
        Case{"2x3090-nvlink", "q4_k_m", "llama.cpp", "tp=2,split=row"},
        Case{"2x4090", "q4_k_m", "llama.cpp", "tp=2,split=tensor"},
        Case{"4x4090", "q4_k_m", "llama.cpp", "tp=4,split=tensor"},
        Case{"2xa100-80gb-sxm", "f16", "vllm", "tp=2"},
        Case{"8xh100-sxm", "f16", "vllm", "tp=2,pp=2,dp=2,sp=on"},
        Case{"8xh100-sxm", "f16", "vllm", "tp=2,dp=4,ep=8", "mixtral-8x7b"},
        Case{"8x-pro-6000-two-roots", "f16", "vllm", "tp=4,dp=2,devices=0/4/1/5/2/6/3/7"}}) {
    SCOPED_TRACE(std::string(c.rig) + ' ' + c.plan);
    const workloads::Deployment d = deployed(c);
    for (const bool prompt : {false, true}) {
      const OpGraphDocument document = exported(d, prompt);
      expect_same_times(pass_of(d, prompt), replay(document, d.rig));
      expect_to_come_back(document);
    }
  }
}

// Micro-batches of a prompt, and batches that decode at once: stages compute while others send.
TEST(PassReplay, CopiesSlowTheSameKernels) {
  struct Overlapping {
    Case what;
    bool prompt;
  };
  for (const auto& [c, prompt] :
       {Overlapping{{"2x4090", "q4_k_m", "llama.cpp"}, true},
        Overlapping{{"8x-pro-6000-two-roots", "f16", "vllm", "tp=2,pp=4,devices=0/4/1/5/2/6/3/7"},
                    false}}) {
    SCOPED_TRACE(c.rig);
    const workloads::Deployment plain = deployed(c);
    const workloads::Deployment d = deployed(c, 0.3);
    const Replay slowed = replay(exported(d, prompt), d.rig);
    expect_same_times(pass_of(d, prompt), slowed);
    EXPECT_GT(slowed.makespan, replay(exported(plain, prompt), plain.rig).makespan);
  }
}

// Two collectives a layer and the logits of 32 layers; vLLM also adds up the words' shares.
TEST(PassReplay, EveryCollectiveIsANodeOfItsOwn) {
  const auto vllm = exported(deployed({"2xa100-80gb-sxm", "f16", "vllm", "tp=2"}), false);
  const auto sums = collectives_of(vllm);
  ASSERT_EQ(sums.size(), 66U);
  EXPECT_EQ(sums.front().kind, topology::CollectiveKind::kAllReduce);
  EXPECT_EQ(sums.front().size, sim::Bytes(4 * 4096 * 2));
  EXPECT_EQ(sums.front().runner, CollectiveRunner::kVllm);
  EXPECT_EQ(sums.front().algorithm, topology::Algorithm::kOneShot);
  EXPECT_EQ(sums.back().kind, topology::CollectiveKind::kAllGather);
  const auto own =
      exported(deployed({"2x4090", "q4_k_m", "llama.cpp", "tp=2,split=tensor"}), false);
  ASSERT_EQ(collectives_of(own).size(), 64U);
  EXPECT_EQ(collectives_of(own).front().runner, CollectiveRunner::kLlamaCpp);
  EXPECT_EQ(collectives_of(own).front().size, sim::Bytes(4 * 4096 * 2));
  const auto shared = exported(
      deployed({"8x-pro-6000-two-roots", "f16", "vllm", "tp=4,dp=2,devices=0/4/1/5/2/6/3/7"}),
      false);
  ASSERT_EQ(collectives_of(shared).size(), 132U);
  EXPECT_TRUE(collectives_of(shared).front().shares_links);
}

// On another rig a collective takes what that rig's own pass gives it, all else what it took.
TEST(PassReplay, OnAnotherRigOnlyWhatTheLinksDoIsPricedAnew) {
  struct Move {
    Case from;
    const char* to;
  };
  for (const Move& m : {Move{{"2xa100-80gb-sxm", "f16", "vllm", "tp=2"}, "2xh100-sxm"},
                        Move{{"2x4090", "f16", "vllm", "tp=2"}, "2x3090-nvlink"},
                        Move{{"4x4090", "q4_k_m", "llama.cpp", "tp=4,split=tensor"}, "4x3090"},
                        Move{{"2x4090", "q4_k_m", "llama.cpp", "tp=2,split=tensor"}, "2x3090"}}) {
    SCOPED_TRACE(m.to);
    Case there = m.from;
    there.rig = m.to;
    const workloads::Deployment to = deployed(there);
    for (const bool prompt : {false, true}) {
      const OpGraphDocument document = exported(deployed(m.from), prompt);
      const auto wanted = collectives_of(exported(to, prompt));
      const Replay moved = replay(document, to.rig);
      EXPECT_TRUE(moved.priced_elsewhere);
      std::size_t k = 0;
      for (std::size_t i = 0; i < document.nodes.size(); ++i) {
        const sim::Duration took = moved.nodes[i].end - moved.nodes[i].start;
        const auto* compute = std::get_if<workloads::ComputeNode>(&document.nodes[i].work);
        if (compute != nullptr) {
          ASSERT_EQ(took, compute->duration);
        }
        if (!std::holds_alternative<CollectiveNode>(document.nodes[i].work)) continue;
        ASSERT_EQ(took, wanted.at(k++).duration) << document.nodes[i].name;
      }
      EXPECT_EQ(k, wanted.size());
    }
  }
}

}  // namespace
}  // namespace rigsim::analysis
