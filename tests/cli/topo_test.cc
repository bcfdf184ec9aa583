#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const json& pair_of(const json& topo, const std::string& from, const std::string& to) {
  for (const json& pair : topo.at("pairs"))
    if (pair.at("from") == from && pair.at("to") == to) return pair;
  throw std::runtime_error("no pair " + from + " - " + to);
}

// A GA102 bridge is NV4 and carries 51 GB/s; without one GeForce cards stage through the host.
TEST(Topo, TellsBridgedPairsFromStagedOnes) {
  const json topo = document("topo 4x3090-nvlink --json");
  const json& bridged = pair_of(topo, "gpu0", "gpu1");
  EXPECT_EQ(bridged.at("path"), "NV4");
  EXPECT_EQ(bridged.at("staged"), false);
  EXPECT_NEAR(bridged.at("bandwidth_bytes_per_s"), 51e9, 0.1e9);
  const json& staged = pair_of(topo, "gpu1", "gpu2");
  EXPECT_EQ(staged.at("path"), "PHB");
  EXPECT_EQ(staged.at("staged"), true);
  EXPECT_EQ(topo.at("pairs").size(), 12U);
}

TEST(Topo, PrintsTheTreeAndTheMatrices) {
  const Outcome run = rigsim("topo 2x4090");
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* part : {"host0", "  gpu1", "pcie4x16", "PHB", "GB/s", "us", "*: staged"})
    EXPECT_THAT(run.out, HasSubstr(part));
}

TEST(Topo, OneDeviceHasNoMatrix) {
  const Outcome run = rigsim("topo m2-ultra");
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(run.out.find("path"), std::string::npos);
}

TEST(Topo, DrawsWhatItPrints) {
  const Folder folder;
  const Outcome run = rigsim("topo 8xh100-sxm --dot t.dot --svg t.svg", {.folder = folder.path()});
  EXPECT_EQ(run.code, 0) << run.err;
  const std::string dot = contents(folder.path() / "t.dot");
  EXPECT_THAT(dot, HasSubstr("graph \"8xh100-sxm\""));
  EXPECT_THAT(dot, HasSubstr("\"gpu7\" -- \"nvswitch0\""));
  const std::string svg = contents(folder.path() / "t.svg");
  EXPECT_THAT(svg, HasSubstr("<svg xmlns"));
  EXPECT_THAT(svg, HasSubstr("gpu7 - nvswitch0: nvlink4x18"));
}

TEST(Topo, SaysWhatIsWrong) {
  EXPECT_EQ(rigsim("topo").code, 2);
  const Outcome unknown = rigsim("topo 2x4091");
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("RIG"));
  EXPECT_EQ(rigsim("topo 2x4090 --svg /nowhere/x.svg").code, 6);
}

}  // namespace
}  // namespace rigsim::cli::test
