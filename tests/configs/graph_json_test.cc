#include "configs/graph_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "configs/config_error.h"
#include "tests/configs/random_graph.h"

namespace rigsim::configs {
namespace {

using namespace sim::literals;
using testing::HasSubstr;
using workloads::OpGraphDocument;

OpGraphDocument parse(const std::string& text) { return parse_graph_json(text, "g.json"); }

/// A document with these nodes.
std::string with_nodes(const std::string& nodes) {
  return "{\"rigsim_graph\": 1,\n\"nodes\": [\n" + nodes + "\n]}";
}

std::string error_of(const std::string& text) {
  try {
    (void)parse(text);
  } catch (const ConfigError& error) {
    return error.what();
  } catch (const UnreadableInput& error) {
    return std::string("unreadable: ") + error.what();
  }
  return "accepted";
}

constexpr const char* kExample = R"({
  "rigsim_graph": 1,
  "title": "two layers",
  "nodes": [
    {"name": "a", "kind": "compute", "device": "gpu0", "duration": "12.5 us"},
    {"name": "b", "kind": "compute", "device": "gpu1", "flops": 1e12, "bytes": "2 GB", "format": "bf16"},
    {"name": "t", "kind": "transfer", "from": "gpu0", "to": "host", "size": "3 MB", "after": ["a"]},
    {"name": "c", "kind": "collective", "collective": "all_reduce", "devices": ["gpu1", "gpu0"],
     "size_bytes": 4096, "algorithm": "ring", "after": ["h", "b"]},
    {"name": "d", "kind": "delay", "duration_s": 1e-6, "after": ["c"]},
    {"name": "h", "kind": "host", "duration": "7 ns", "stream": "loader"}
  ]
})";

TEST(GraphJson, ReadsEveryKindOfNode) {
  const OpGraphDocument graph = parse(kExample);
  EXPECT_EQ(graph.title, "two layers");
  EXPECT_EQ(graph.devices, (std::vector<std::string>{"gpu0", "gpu1"}));
  ASSERT_EQ(graph.nodes.size(), 6U);
  const workloads::ComputeNode by_time{0, "compute", sim::Duration(12'500'000), 0, {}, {}};
  EXPECT_EQ(graph.nodes[0], (workloads::GraphNode{"a", by_time, {}}));
  const workloads::ComputeNode by_work{1,    "compute", std::nullopt,
                                       1e12, 2_GB,      workloads::MathFormat::kBf16};
  EXPECT_EQ(graph.nodes[1].work, workloads::NodeWork(by_work));
  const workloads::TransferNode out{0, workloads::kHostPlace, 3_MB, false};
  EXPECT_EQ(graph.nodes[2], (workloads::GraphNode{"t", out, {0}}));
  const workloads::CollectiveNode reduce{
      topology::CollectiveKind::kAllReduce, {1, 0}, 4096_B, topology::Algorithm::kRing};
  EXPECT_EQ(graph.nodes[3], (workloads::GraphNode{"c", reduce, {5, 1}}));
  EXPECT_EQ(graph.nodes[4].work,
            workloads::NodeWork(workloads::DelayNode{sim::Duration(1'000'000)}));
  EXPECT_EQ(graph.nodes[5].work,
            workloads::NodeWork(workloads::HostNode{sim::Duration(7'000), "loader"}));
}

TEST(GraphJson, WhatIsWrittenIsReadBackEqual) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const OpGraphDocument graph = test::random_graph(seed);
    const std::string text = to_graph_json(graph);
    ASSERT_EQ(parse(text), graph) << "seed " << seed << '\n' << text;
    ASSERT_EQ(to_graph_json(parse(text)), text) << "seed " << seed;
  }
}

TEST(GraphJson, AnErrorNamesPlacePathValueAndWhatIsAllowed) {
  EXPECT_EQ(error_of(with_nodes(
                R"({"name": "a", "kind": "compute", "device": "gpu0", "duration": "5"})")),
            "g.json:3:64: nodes[0].duration: expected a duration such as \"11 us\", got \"5\": the "
            "unit is missing; allowed are ps, ns, us, ms, s, min, h");
  EXPECT_EQ(error_of(with_nodes(
                R"({"name": "a", "kind": "transfer", "from": "x", "to": "y", "size": 5})")),
            "g.json:3:67: nodes[0].size: must be a text with a unit, got 5; a number goes into "
            "\"size_bytes\"");
  EXPECT_THAT(error_of(with_nodes(R"({"name": "a", "kind": "delay", "duration": "-5 us"})")),
              HasSubstr("nodes[0].duration: must be >= 0, got \"-5 us\""));
  EXPECT_THAT(
      error_of(with_nodes(R"({"name": "a", "kind": "compute", "device": "g", "flops": -1})")),
      HasSubstr("nodes[0].flops: must be >= 0, got -1"));
}

TEST(GraphJson, UnknownNamesComeWithTheNearest) {
  EXPECT_THAT(error_of(with_nodes(R"({"name": "a", "kind": "computer"})")),
              HasSubstr("unknown name \"computer\", did you mean \"compute\"?; allowed: compute, "
                        "transfer, collective, delay, host"));
  EXPECT_THAT(error_of(with_nodes(R"({"name": "a", "kind": "delay", "durations": "1 s"})")),
              HasSubstr("nodes[0].durations: unknown key, did you mean \"duration_s\"?"));
  EXPECT_THAT(error_of(with_nodes(R"({"name": "first", "kind": "delay", "duration": "1 s"},
{"name": "b", "kind": "delay", "duration": "1 s", "after": ["first", "frist"]})")),
              HasSubstr("g.json:4:70: nodes[1].after[1]: no node is named \"frist\", did you mean "
                        "\"first\"?"));
  EXPECT_THAT(
      error_of(R"({"rigsim_graph": 1, "devices": ["gpu0"], "nodes": [
{"name": "a", "kind": "compute", "device": "gpu1", "duration": "1 s"}]})"),
      HasSubstr("nodes[0].device: \"gpu1\" is none of \"devices\", did you mean \"gpu0\"?"));
}

TEST(GraphJson, AFieldOfAnotherKindOfNodeIsRefused) {
  EXPECT_THAT(
      error_of(with_nodes(R"({"name": "a", "kind": "delay", "duration": "1 s", "size": "1 B"})")),
      HasSubstr("nodes[0].size: does not belong to a node of kind \"delay\"; allowed: name, "
                "kind, after, duration, duration_s"));
}

TEST(GraphJson, WhoRunsACollectiveAndHowIsOneOfAFew) {
  const auto refused = [](const std::string& more) {
    return error_of(with_nodes(R"({"name": "a", "kind": "collective", "collective": "all_reduce",
"devices": ["x", "y", "z"], "size": "1 MB", )" +
                               more + "}"));
  };
  EXPECT_THAT(refused(R"("library": "rccl")"),
              HasSubstr("nodes[0].library: unknown name \"rccl\", did you mean \"nccl\"?; allowed: "
                        "nccl, vllm, llama.cpp"));
  EXPECT_THAT(refused(R"("library": "llama.cpp")"),
              HasSubstr("nodes[0].library: llama.cpp's own is an all_reduce of two devices"));
  EXPECT_THAT(refused(R"("launch": "lazy")"), HasSubstr("allowed: eager, graph"));
  EXPECT_THAT(refused(R"("links": "own")"),
              HasSubstr("nodes[0].links: must be \"shared\", got \"own\""));
}

TEST(GraphJson, TheRigOfDurationsHasANameAndADigest) {
  const auto refused = [](const std::string& priced_on) {
    return error_of(R"({"rigsim_graph": 1, "nodes": [], "priced_on": )" + priced_on + "}");
  };
  EXPECT_THAT(refused(R"("2x4090")"), HasSubstr("priced_on: must be an object, got \"2x4090\""));
  EXPECT_THAT(refused(R"({"rig": "2x4090"})"), HasSubstr("priced_on.digest: is needed"));
  EXPECT_THAT(refused(R"({"rig": "a", "rig": "b"})"), HasSubstr("priced_on.rig: stands twice"));
  EXPECT_THAT(
      refused(R"({"rigs": "a"})"),
      HasSubstr("priced_on.rigs: unknown key, did you mean \"rig\"?; allowed: rig, devices, "
                "digest"));
  EXPECT_THAT(refused(R"({"rig": 2, "digest": "0"})"),
              HasSubstr("priced_on.rig: must be a text, got 2"));
}

TEST(GraphJson, NothingMayStandTwiceOrBeMissing) {
  const std::string delay = R"("kind": "delay", "duration": "1 s"})";
  EXPECT_THAT(error_of(with_nodes(R"({"name": "a", "name": "b", )" + delay)),
              HasSubstr("nodes[0].name: stands twice"));
  EXPECT_THAT(error_of(with_nodes(R"({"name": "a", )" + delay + R"(,{"name": "a", )" + delay)),
              HasSubstr("nodes[1].name: nodes[0] is named \"a\" too"));
  EXPECT_THAT(error_of(with_nodes("{" + delay)), HasSubstr("nodes[0].name: is needed"));
  EXPECT_THAT(error_of(R"({"nodes": []})"), HasSubstr("rigsim_graph: is needed: 1"));
  EXPECT_THAT(error_of(R"({"rigsim_graph": 2, "nodes": []})"),
              HasSubstr("rigsim_graph: must be 1, got 2"));
  EXPECT_THAT(error_of(with_nodes(R"({"name": "a", "kind": "compute", "device": "gpu0"})")),
              HasSubstr("needs a duration"));
  EXPECT_THAT(error_of(with_nodes(
                  R"({"name": "a", "kind": "transfer", "from": "g", "to": "g", "size": "1 B"})")),
              HasSubstr("nodes[0].to: is where it comes from: \"g\""));
}

TEST(GraphJson, ACircleIsNamed) {
  EXPECT_THAT(error_of(with_nodes(R"({"name": "x", "kind": "delay", "duration": "1 s"},
{"name": "a", "kind": "delay", "duration": "1 s", "after": ["x", "c"]},
{"name": "b", "kind": "delay", "duration": "1 s", "after": ["a"]},
{"name": "c", "kind": "delay", "duration": "1 s", "after": ["b"]},
{"name": "y", "kind": "delay", "duration": "1 s", "after": ["c"]})")),
              HasSubstr("nodes[1].after: nodes wait for each other in a circle: a -> b -> c -> a"));
}

TEST(GraphJson, TextThatIsNoJsonIsUnreadable) {
  EXPECT_THAT(error_of(""), HasSubstr("unreadable: g.json: truncated JSON: it ends at line 1"));
  EXPECT_THAT(error_of("nonsense"),
              HasSubstr("unreadable: g.json: not valid JSON at line 1, column 1"));
  EXPECT_THAT(error_of("{\"rigsim_graph\": 01}"), HasSubstr("not a number"));
  EXPECT_THAT(error_of("{\"title\": \"\\ud800\"}"), HasSubstr("half a pair of surrogates"));
  EXPECT_THAT(error_of("{\"title\": \"\xFF\"}"), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of(std::string(kExample) + "x"), HasSubstr("text after the end"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("must be an object, got a list"));
}

// Every prefix of a document is truncated or, cut behind a number, still not whole.
TEST(GraphJson, EveryTruncationIsNoticed) {
  const std::string text = kExample;
  for (std::size_t length = 0; length < text.size(); ++length) {
    EXPECT_THAT(error_of(text.substr(0, length)), HasSubstr("truncated JSON")) << length;
  }
}

TEST(GraphJson, EscapesMeanWhatJsonSays) {
  const OpGraphDocument graph =
      parse(R"({"rigsim_graph": 1, "title": "\u0041\u00e9\u20ac\ud83d\ude00\/\n", "nodes": []})");
  EXPECT_EQ(graph.title, "A\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80/\n");
}

}  // namespace
}  // namespace rigsim::configs
