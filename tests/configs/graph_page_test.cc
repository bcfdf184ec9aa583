// The example of docs/graph.md is read as it stands.

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "configs/graph_json.h"

namespace rigsim::configs {
namespace {

TEST(GraphPage, HasAGraphThatCanBeRead) {
  std::ifstream page(RIGSIM_SOURCE_DIR "/docs/graph.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  const std::string start = "```json\n";
  const std::size_t body = text.find(start) + start.size();
  const auto graph = parse_graph_json(text.substr(body, text.find("```", body) - body), "page");
  EXPECT_EQ(graph.nodes.size(), 6U);
}

}  // namespace
}  // namespace rigsim::configs
