// `rigsim topo import` as a user types it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/program.h"

namespace rigsim::cli::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kTopo =
    "\tGPU0\tGPU1\tCPU Affinity\tNUMA Affinity\n"
    "GPU0\t X \tNV4\t0-15\t0\n"
    "GPU1\tNV4\t X \t0-15\t0\n";
constexpr const char* kCsv =
    "index, name, pcie.link.gen.max, pcie.link.width.current\n"
    "0, NVIDIA GeForce RTX 3090, 4, 16\n"
    "1, NVIDIA GeForce RTX 3090, 4, 8\n";

TEST(TopoImport, WritesARigThatRuns) {
  const Folder folder;
  folder.write("topo.txt", kTopo);
  folder.write("gpus.csv", kCsv);
  const Outcome imported =
      rigsim("topo import topo.txt gpus.csv -o my-rig.yaml", {.folder = folder.path()});
  ASSERT_EQ(imported.code, 0) << imported.err;
  EXPECT_THAT(imported.out, StartsWith("my-rig.yaml: 2x rtx-3090; "));
  const std::string yaml = contents(folder.path() / "my-rig.yaml");
  EXPECT_THAT(yaml,
              StartsWith("# Imported by rigsim topo import from\n# - topo.txt: nvidia-smi topo"));
  EXPECT_THAT(yaml, HasSubstr("name: my-rig\n"));
  const Outcome fits = rigsim("fit --rig ./my-rig.yaml --model llama-3-8b --weights q4_k_m",
                              {.folder = folder.path()});
  EXPECT_EQ(fits.code, 0) << fits.err;
}

TEST(TopoImport, PrintsTheRigOrADocumentWithoutAnOutputFile) {
  const Folder folder;
  folder.write("topo.txt", kTopo);
  const Outcome text = rigsim("topo import topo.txt --device 3090", {.folder = folder.path()});
  ASSERT_EQ(text.code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("type: nvlink3x4"));
  const Outcome json =
      rigsim("topo import topo.txt --device 3090 --json", {.folder = folder.path()});
  const auto document = nlohmann::json::parse(json.out);
  EXPECT_EQ(document["devices"][1]["device"], "rtx-3090");
  EXPECT_EQ(document["name"], "imported");
  EXPECT_EQ(document["rig_yaml"], text.out);
}

TEST(TopoImport, EndsWithTheCodeOfWhatIsWrong) {
  const Folder folder;
  folder.write("topo.txt", kTopo);
  folder.write("cut.txt", std::string(kTopo).substr(0, 46));
  folder.write("one.csv", "index, name\n0, NVIDIA GeForce RTX 3090\n");
  const auto code = [&](const std::string& words) {
    return rigsim("topo " + words, {.folder = folder.path()}).code;
  };
  EXPECT_EQ(code("import topo.txt"), 2);  // which cards?
  EXPECT_EQ(code("import topo.txt one.csv"), 2);
  EXPECT_EQ(code("import"), 2);
  EXPECT_EQ(code("import cut.txt --device 3090"), 3);
  EXPECT_EQ(code("import absent.txt"), 3);
  EXPECT_EQ(code("import topo.txt --device 3090 -o absent/rig.yaml"), 6);
  EXPECT_THAT(rigsim("topo import cut.txt --device 3090", {.folder = folder.path()}).err,
              StartsWith("error: cut.txt:2: the row of \"GPU0\" is cut short"));
}

}  // namespace
}  // namespace rigsim::cli::test
