// A pass that becomes a document, JSON and Chakra traces takes the same time, op by op.

#include <gtest/gtest.h>

#include <string>

#include "analysis/comparison.h"
#include "analysis/replay.h"
#include "configs/catalog.h"
#include "configs/chakra.h"
#include "configs/engine_file.h"
#include "configs/graph_json.h"
#include "sim/executor.h"
#include "workloads/deployment_builder.h"
#include "workloads/pass_document.h"

namespace rigsim::analysis {
namespace {

struct Case {
  const char* rig;
  const char* weights;
  const char* engine;
};

workloads::Deployment deployed(const Case& c) {
  const configs::Catalog catalog = configs::Catalog::load();
  configs::Scenario scenario;
  scenario.rig = catalog.rig(c.rig);
  scenario.model = catalog.model("llama-3-8b");
  scenario.weights = catalog.weights_format(c.weights);
  scenario.engine = c.engine;
  scenario.prompt_tokens = 700;
  scenario.output_tokens = 8;
  return workloads::deploy(deployment_request(scenario, configs::engine_named(c.engine).profile));
}

void expect_same_times(const workloads::PassGraph& pass, const Replay& replay) {
  sim::Executor executor(pass.graph);
  const sim::Time end = executor.run(pass.graph.costs());
  EXPECT_EQ(replay.makespan, end - sim::Time{});
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    ASSERT_EQ(replay.nodes[i].start, executor.started(sim::OpId{i})) << "op " << i;
    ASSERT_EQ(replay.nodes[i].end, executor.finished(sim::OpId{i})) << "op " << i;
  }
}

TEST(PassReplay, TakesTheSameTimeToThePicosecond) {
  for (const Case& c :
       {Case{"4090", "q4_k_m", "llama.cpp"}, Case{"2x4090", "q4_k_m", "llama.cpp"},
        Case{"4x3090-nvlink", "q8_0", "llama.cpp"}, Case{"2xa100-80gb-sxm", "f16", "vllm"}}) {
    SCOPED_TRACE(c.rig);
    const workloads::Deployment d = deployed(c);
    for (const bool prompt : {false, true}) {
      const auto pass = prompt ? lower_prompt(d, 700, 1) : lower_decode(d, 700, 1);
      const auto document = document_of(pass, d.rig, "a pass");
      expect_same_times(pass, replay(document, d.rig));
      const auto by_json = configs::parse_graph_json(configs::to_graph_json(document), "g");
      EXPECT_EQ(by_json, document);
      std::vector<configs::ChakraTrace> traces;
      for (const std::string& bytes : configs::to_chakra(document).traces) {
        traces.push_back(configs::parse_chakra_trace(bytes, "t"));
      }
      EXPECT_EQ(configs::graph_of(std::move(traces)), document);
    }
  }
}

}  // namespace
}  // namespace rigsim::analysis
