// Every example of docs/catalogue.md is read as its first line says.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "configs/catalog.h"
#include "configs/rig_yaml.h"
#include "configs/scenario.h"
#include "tests/configs/temporary_directory.h"

namespace rigsim::configs {
namespace {

/// The fenced YAML blocks of the page that begin with `# kind`.
std::vector<std::string> examples(std::string_view kind) {
  std::ifstream page(RIGSIM_SOURCE_DIR "/docs/catalogue.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  const std::string start = std::string("```yaml\n# ").append(kind).append("\n");
  std::vector<std::string> found;
  for (std::size_t at = text.find(start); at != std::string::npos; at = text.find(start, at + 1)) {
    const std::size_t body = at + start.size();
    found.push_back(text.substr(body, text.find("```", body) - body));
  }
  return found;
}

TEST(CataloguePage, HasRigsThatCanBeRead) {
  const Catalog catalog = Catalog::load();
  const TemporaryDirectory directory;
  const std::vector<std::string> rigs = examples("rig");
  ASSERT_EQ(rigs.size(), 3U);
  EXPECT_EQ(read_rig_file(directory.write("a.yaml", rigs[0]), catalog).devices.size(), 2U);
  EXPECT_EQ(read_rig_file(directory.write("b.yaml", rigs[1]), catalog).devices.size(), 16U * 8U);
  EXPECT_EQ(read_rig_file(directory.write("c.yaml", rigs[2]), catalog).cables.size(), 4U);
}

TEST(CataloguePage, HasAScenarioThatCanBeRead) {
  const Catalog catalog = Catalog::load();
  const std::vector<std::string> scenarios = examples("scenario");
  ASSERT_EQ(scenarios.size(), 2U);
  EXPECT_EQ(read_scenario(parse_yaml(scenarios[0], "s.yaml"), catalog).context, 4096);
  EXPECT_EQ(read_scenario(parse_yaml(scenarios[1], "s.yaml"), catalog).serving.max_sequences, 128);
}

TEST(CataloguePage, HasACatalogueThatExtendsTheBuiltInOne) {
  const TemporaryDirectory directory;
  const std::vector<std::string> files = examples("catalogue");
  ASSERT_EQ(files.size(), 1U);
  (void)directory.write("mine.yaml", files[0]);
  const Catalog catalog = Catalog::load(directory.path());
  EXPECT_EQ(catalog.rig("my-pair").devices.size(), 2U);
  EXPECT_EQ(catalog.rig("4xmine").devices.size(), 4U);
  EXPECT_EQ(catalog.model("my-model").layers, 32);
}

}  // namespace
}  // namespace rigsim::configs
