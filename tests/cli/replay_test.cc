#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>

#include "tests/cli/document.h"

namespace rigsim::cli::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kGraph = R"({"rigsim_graph": 1, "title": "one layer", "nodes": [
  {"name": "mlp", "kind": "compute", "device": "gpu0", "duration": "20 us"},
  {"name": "move", "kind": "transfer", "from": "gpu0", "to": "gpu1", "size": "1 MB", "after": ["mlp"]},
  {"name": "next", "kind": "compute", "device": "gpu1", "duration": "20 us", "after": ["move"]}]})";

TEST(ReplayCommand, TheDocumentHasMakespanOpsLinksAndDevices) {
  const Folder folder;
  folder.write("g.json", kGraph);
  const json answer = document("replay g.json --rig 2x4090 --json", {.folder = folder.path()});
  ASSERT_EQ(answer.at("ops").size(), 3U);
  const json& move = answer.at("ops")[1];
  EXPECT_EQ(move.at("name"), "move");
  EXPECT_DOUBLE_EQ(move.at("start_s"), 20e-6);
  EXPECT_DOUBLE_EQ(answer.at("makespan_s"), move.at("end_s").get<double>() + 20e-6);
  EXPECT_EQ(answer.at("devices")[0].at("name"), "gpu0");
  EXPECT_DOUBLE_EQ(answer.at("devices")[0].at("busy_s"), 20e-6);
  double bytes = 0;
  for (const json& link : answer.at("links")) bytes += link.at("bytes").get<double>();
  EXPECT_GE(bytes, 2e6);  // up to the host and down again
  EXPECT_EQ(answer.at("evidence"), "datasheet");
}

TEST(ReplayCommand, TheTableSaysWhatTheRunWentTo) {
  const Folder folder;
  folder.write("g.json", kGraph);
  const Outcome run = rigsim("replay g.json --rig 2x4090", {.folder = folder.path()});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("one layer, 3 nodes on 2x4090"));
  EXPECT_THAT(run.out, HasSubstr("critical path"));
  EXPECT_THAT(run.out, HasSubstr("exposed (on the critical path)"));
}

TEST(ReplayCommand, TheTraceIsAFileOfItsOwnAndTheSameTwice) {
  const Folder one;
  const Folder two;
  for (const Folder* folder : {&one, &two}) {
    folder->write("g.json", kGraph);
    ASSERT_EQ(rigsim("replay g.json --rig 2x4090 --trace t.h5", {.folder = folder->path()}).code,
              0);
  }
  EXPECT_EQ(contents(one.path() / "t.h5"), contents(two.path() / "t.h5"));
  EXPECT_THAT(contents(one.path() / "t.h5"), HasSubstr("rigsim-trace"));
}

// NVSwitch with a measured table and beyond its end, PCIe switches whose uplinks the ranks share,
// host memory, two machines.
TEST(ReplayCommand, ACollectiveTakesWhatTheCommandOfThatNameSays) {
  for (const auto& [rig, ranks, size] :
       {std::tuple("8xh100-sxm", 8, "64MiB"), std::tuple("8xh100-sxm", 8, "4GiB"),
        std::tuple("2xa100-80gb-sxm", 2, "8KiB"), std::tuple("4xa100-pcie", 4, "16MiB"),
        std::tuple("4x4090", 4, "1MiB"), std::tuple("2x8xh100-sxm", 16, "256MiB")}) {
    SCOPED_TRACE(rig);
    const json told =
        document(fmt::format("collective all_reduce --rig {} --sizes {} --json", rig, size))
            .at("rows")
            .at(0);
    json node{{"name", "c"}, {"kind", "collective"}, {"collective", "all_reduce"}};
    node["size_bytes"] = told.at("bytes");
    for (int rank = 0; rank < ranks; ++rank) node["devices"].push_back(std::to_string(rank));
    const Folder folder;
    folder.write("g.json", json{{"rigsim_graph", 1}, {"nodes", {node}}}.dump());
    const json replay =
        document(fmt::format("replay g.json --rig {} --json", rig), {.folder = folder.path()});
    EXPECT_EQ(replay.at("makespan_s"), told.at("time_s"));
    EXPECT_EQ(replay.at("evidence"), told.at("evidence"));
  }
}

TEST(ReplayCommand, WhatTheRigCannotDoStandsOnALine) {
  const Folder folder;
  folder.write("g.json", kGraph);
  EXPECT_THAT(rigsim("replay g.json --rig 4090", {.folder = folder.path()}).err,
              HasSubstr("g.json:3:3: nodes[1]: device \"gpu1\" is not in 4090"));
  std::string huge = kGraph;
  const std::string given = R"("duration": "20 us", "after")";
  huge.replace(huge.find(given), given.size(), R"("flops": 1e30, "after")");
  folder.write("huge.json", huge);
  const Outcome refused = rigsim("replay huge.json --rig 2x4090", {.folder = folder.path()});
  EXPECT_EQ(refused.code, 2);
  EXPECT_THAT(refused.err, HasSubstr("huge.json:4:3: nodes[2]: node \"next\": duration outside"));
}

TEST(ReplayCommand, ExitCodesTellWhoseFaultItWas) {
  const Folder folder;
  folder.write("g.json", kGraph);
  folder.write("cut.json", kGraph.substr(0, 100));
  const auto code = [&](const std::string& line) {
    return rigsim("replay " + line, {.folder = folder.path()}).code;
  };
  EXPECT_EQ(code("g.json"), 2);
  EXPECT_EQ(code("--rig 2x4090"), 2);
  EXPECT_EQ(code("g.json --rig 4090"), 2);
  EXPECT_EQ(code("cut.json --rig 2x4090"), 3);
  EXPECT_EQ(code("missing.json --rig 2x4090"), 3);
  EXPECT_EQ(code("g.json --rig 2x4090 --trace /nonexistent/t.h5"), 6);
}

}  // namespace
}  // namespace rigsim::cli::test
