#include "configs/chakra.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "configs/config_error.h"
#include "configs/graph_json.h"
#include "tests/configs/random_graph.h"
#include "tests/configs/temporary_directory.h"

namespace rigsim::configs {
namespace {

using namespace std::chrono_literals;
using namespace sim::literals;
using testing::ElementsAre;
using testing::HasSubstr;
using workloads::OpGraphDocument;

/// Bytes as a hex dump says them: "0a 05".
std::string bytes(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); ++i) {
    if (hex[i] == ' ') continue;
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    ++i;
  }
  return out;
}

OpGraphDocument parse(const std::vector<std::string>& files, const CommGroups& groups = {}) {
  std::vector<ChakraTrace> traces;
  for (std::size_t npu = 0; npu < files.size(); ++npu) {
    traces.push_back(parse_chakra_trace(files[npu], "t." + std::to_string(npu) + ".et"));
  }
  return graph_of(std::move(traces), groups);
}

/// A trace as another program writes it: metadata, then these nodes.
std::string foreign(const std::vector<ChakraNode>& nodes) {
  ChakraTrace trace;
  trace.version = "0.0.4";
  std::string out = metadata_bytes(trace);
  for (const ChakraNode& node : nodes) out += to_bytes(node);
  return out;
}

ChakraNode node(std::uint64_t id, ChakraNode::Type type,
                std::map<std::string, std::int64_t, std::less<>> integers,
                std::vector<std::uint64_t> deps = {}) {
  ChakraNode node;
  node.id = id;
  node.name = "n" + std::to_string(id);
  node.type = type;
  node.integers = std::move(integers);
  node.deps = std::move(deps);
  return node;
}

ChakraNode compute(std::uint64_t id, std::uint64_t micros, std::vector<std::uint64_t> deps = {}) {
  ChakraNode n = node(id, ChakraNode::kComp, {{"is_cpu_op", 0}}, std::move(deps));
  n.duration_micros = micros;
  return n;
}

std::string error_of(const std::vector<std::string>& files, const CommGroups& groups = {}) {
  try {
    (void)parse(files, groups);
  } catch (const ConfigError& error) {
    return error.what();
  } catch (const UnreadableInput& error) {
    return std::string("unreadable: ") + error.what();
  }
  return "accepted";
}

OpGraphDocument with_sorted_dependencies(OpGraphDocument document) {
  for (auto& n : document.nodes) std::sort(n.after.begin(), n.after.end());
  return document;
}

// By hand from et_def.proto: metadata {version: "0.0.4"}; node {id: 1, name: "ar", type: 7,
// attr {name: "comm_type", int64_val: 0}, attr {name: "comm_size", int64_val: 1048576}}, as
// ASTRA-sim's generator of micro-benchmarks writes it. int64_val is field 9 (tag 48), attr field 10
// (52), 1048576 = 80 80 40.
TEST(Chakra, ReadsTheBytesThatOthersWrite) {
  const std::string trace = bytes(
      "07 0a 05 30 2e 30 2e 34 "
      "28 08 01 12 02 61 72 18 07 "
      "52 0d 0a 09 63 6f 6d 6d 5f 74 79 70 65 48 00 "
      "52 0f 0a 09 63 6f 6d 6d 5f 73 69 7a 65 48 80 80 40");
  const OpGraphDocument graph = parse({trace, trace});
  EXPECT_EQ(graph.devices, (std::vector<std::string>{"npu0", "npu1"}));
  ASSERT_EQ(graph.nodes.size(), 1U);  // one collective of two NPUs
  EXPECT_EQ(graph.nodes[0].name, "ar");
  const workloads::CollectiveNode expected{
      topology::CollectiveKind::kAllReduce, {0, 1}, 1_MiB, std::nullopt};
  EXPECT_EQ(graph.nodes[0].work, workloads::NodeWork(expected));
}

TEST(Chakra, ComputeIsByDurationElseByWork) {
  ChakraNode timed = compute(1, 50);
  ChakraNode work = node(2, ChakraNode::kComp, {{"num_ops", 1000}, {"tensor_size", 64}}, {1});
  ChakraNode cpu = node(3, ChakraNode::kComp, {{"is_cpu_op", 1}});
  cpu.duration_micros = 7;
  const OpGraphDocument graph = parse({foreign({timed, work, cpu})});
  EXPECT_EQ(std::get<workloads::ComputeNode>(graph.nodes[0].work).duration, 50us);
  const auto& second = std::get<workloads::ComputeNode>(graph.nodes[1].work);
  EXPECT_EQ(second.duration, std::nullopt);
  EXPECT_EQ(second.flops, 1000);
  EXPECT_EQ(second.bytes, 64_B);
  EXPECT_THAT(graph.nodes[1].after, ElementsAre(0));
  EXPECT_EQ(std::get<workloads::HostNode>(graph.nodes[2].work), (workloads::HostNode{7us, "npu0"}));
}

// The all-gather of 1 MiB from each of 2 NPUs gives each 2 MiB.
TEST(Chakra, AllGatherCountsWhatARankBrings) {
  const auto gather = [](std::uint64_t id) {
    return node(id, ChakraNode::kCollective, {{"comm_type", 2}, {"comm_size", 1 << 20}});
  };
  const OpGraphDocument graph = parse({foreign({gather(1)}), foreign({gather(1)})});
  EXPECT_EQ(std::get<workloads::CollectiveNode>(graph.nodes[0].work).size, 2_MiB);
}

// NPU 0 sends twice to NPU 1 with one tag: first to first, second to second. The transfer waits for
// what both ends wait for.
TEST(Chakra, MessagesMeetTheirCounterpartsInOrder) {
  const auto send = [](std::uint64_t id, std::int64_t size, std::vector<std::uint64_t> deps) {
    return node(id, ChakraNode::kSend, {{"comm_dst", 1}, {"comm_tag", 5}, {"comm_size", size}},
                std::move(deps));
  };
  const auto receive = [](std::uint64_t id, std::int64_t size, std::vector<std::uint64_t> deps) {
    return node(id, ChakraNode::kRecv, {{"comm_src", 0}, {"comm_tag", 5}, {"comm_size", size}},
                std::move(deps));
  };
  const OpGraphDocument graph =
      parse({foreign({compute(1, 1), send(2, 10, {1}), send(3, 20, {2})}),
             foreign({compute(1, 1), receive(2, 10, {1}), receive(3, 20, {2})})});
  ASSERT_EQ(graph.nodes.size(), 4U);
  EXPECT_THAT(graph.nodes[0].name, "n1@0.1");
  EXPECT_THAT(graph.nodes[1].name, "n1@1.1");
  EXPECT_EQ(graph.nodes[2].work, workloads::NodeWork(workloads::TransferNode{0, 1, 10_B, false}));
  EXPECT_THAT(graph.nodes[2].after, ElementsAre(0, 1));
  EXPECT_EQ(graph.nodes[3].work, workloads::NodeWork(workloads::TransferNode{0, 1, 20_B, false}));
  EXPECT_THAT(graph.nodes[3].after, ElementsAre(2));
}

TEST(Chakra, GroupsComeFromAFileOrFromPyTorchsMetadata) {
  ChakraNode reduce = node(2, ChakraNode::kCollective, {{"comm_type", 0}, {"comm_size", 8}});
  reduce.texts["pg_name"] = "7";
  ChakraNode metadata = node(1, ChakraNode::kMetadata, {});
  metadata.input_values = R"(['[{"pg_name": "7", "ranks": [0, 2]}]'])";
  const std::string idle = foreign({});
  const OpGraphDocument by_metadata = parse({foreign({metadata, reduce}), idle, foreign({reduce})});
  EXPECT_THAT(std::get<workloads::CollectiveNode>(by_metadata.nodes.back().work).devices,
              ElementsAre(0, 2));
  const CommGroups groups = parse_comm_groups(R"({"7": [0, 2]})", "groups.json", 3);
  EXPECT_EQ(parse({foreign({reduce}), idle, foreign({reduce})}, groups).nodes.size(), 1U);
  EXPECT_THAT(error_of({foreign({reduce}), idle, foreign({reduce})}),
              HasSubstr("t.0.et: node 2 \"n2\": unknown group \"7\""));
}

TEST(Chakra, WhatDoesNotMatchIsRefused) {
  const auto reduce = [](std::int64_t type, std::int64_t size) {
    return foreign({node(1, ChakraNode::kCollective, {{"comm_type", type}, {"comm_size", size}})});
  };
  EXPECT_THAT(error_of({reduce(0, 8), reduce(7, 8)}), HasSubstr("has another comm_type than its"));
  EXPECT_THAT(error_of({reduce(0, 8), reduce(0, 9)}), HasSubstr("has another comm_size than its"));
  EXPECT_THAT(error_of({reduce(0, 8), foreign({})}),
              HasSubstr("NPU 0 has 1 collectives of this group, NPU 1 has 0"));
  EXPECT_THAT(error_of({reduce(3, 8), reduce(3, 8)}), HasSubstr("comm_type 3 cannot be run"));
  EXPECT_THAT(error_of({foreign({node(1, ChakraNode::kSend, {{"comm_dst", 1}, {"comm_size", 1}})}),
                        foreign({})}),
              HasSubstr("has no counterpart: 1 sends and 0 receives"));
  EXPECT_THAT(error_of({foreign({compute(1, 1), compute(1, 1)})}),
              HasSubstr("unreadable: t.0.et: two nodes have id 1"));
  EXPECT_THAT(error_of({foreign({compute(1, 1, {9})})}),
              HasSubstr("unreadable: t.0.et: node 1 waits for node 9, which is not there"));
  EXPECT_THAT(error_of({foreign({compute(1, 1, {2}), compute(2, 1, {1})})}),
              HasSubstr("waits for itself, or for a circle"));
}

TEST(Chakra, ATruncatedTraceIsUnreadable) {
  const std::string whole = foreign({compute(1, 50), compute(2, 50, {1})});
  EXPECT_THAT(error_of({""}), HasSubstr("unreadable: t.0.et: is empty"));
  std::size_t noticed = 0;
  for (std::size_t length = 1; length < whole.size(); ++length) {
    if (error_of({whole.substr(0, length)}).find("truncated") != std::string::npos) ++noticed;
  }
  EXPECT_EQ(noticed, whole.size() - 3);  // but for cuts between two messages
}

// Random documents of all kinds but the collective send/recv, which Chakra does not have.
TEST(Chakra, AGraphComesBackAsItWas) {
  int graphs = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    OpGraphDocument graph = test::random_graph(seed);
    for (auto& n : graph.nodes) {
      auto* collective = std::get_if<workloads::CollectiveNode>(&n.work);
      if (collective != nullptr && collective->kind == topology::CollectiveKind::kSendRecv) {
        collective->kind = topology::CollectiveKind::kAllGather;
      }
    }
    const ChakraFiles files = to_chakra(graph);
    ASSERT_EQ(parse(files.traces), with_sorted_dependencies(graph)) << "seed " << seed;
    graphs += files.sync_messages > 0 ? 1 : 0;
  }
  EXPECT_GT(graphs, 100);  // dependencies between NPUs were among them
}

TEST(Chakra, DurationsAreRoundedUpToMicrosecondsForOthers) {
  OpGraphDocument graph{"", {"gpu0"}, {}};
  graph.nodes.push_back(
      {"a", workloads::ComputeNode{0, "compute", sim::Duration(1), 0, {}, {}}, {}});
  const ChakraTrace trace = parse_chakra_trace(to_chakra(graph).traces[0], "t");
  EXPECT_EQ(trace.nodes[0].duration_micros, 1U);
  EXPECT_EQ(trace.version, "0.0.4");
}

TEST(Chakra, ACollectiveSendReceiveCannotBeWritten) {
  OpGraphDocument graph{"", {"gpu0", "gpu1"}, {}};
  graph.nodes.push_back(
      {"a", workloads::CollectiveNode{topology::CollectiveKind::kSendRecv, {0, 1}, 8_B, {}}, {}});
  EXPECT_THROW((void)to_chakra(graph), std::invalid_argument);
}

// PyTorch's traces measure a collective from the first rank's launch on: no duration of ours.
TEST(Chakra, WhatOthersMeasuredOfACollectiveIsNotItsDuration) {
  ChakraNode reduce;
  reduce.id = 1;
  reduce.name = "reduce";
  reduce.type = ChakraNode::kCollective;
  reduce.duration_micros = 900;
  reduce.integers = {{"comm_type", 0}, {"comm_size", 4096}};
  const OpGraphDocument graph = parse({foreign({reduce}), foreign({reduce})});
  EXPECT_FALSE(std::get<workloads::CollectiveNode>(graph.nodes.at(0).work).duration);
}

TEST(Chakra, TracesLeftOfALargerGraphAreNotRead) {
  const TemporaryDirectory directory;
  for (const std::size_t devices : {std::size_t{3}, std::size_t{2}}) {
    OpGraphDocument graph{"", {"gpu0", "gpu1", "gpu2"}, {}};
    graph.devices.resize(devices);
    const ChakraFiles files = to_chakra(graph);
    for (std::size_t npu = 0; npu < devices; ++npu)
      (void)directory.write("t." + std::to_string(npu) + ".et", files.traces[npu]);
  }
  EXPECT_EQ(read_chakra(directory.path() / "t").devices.size(), 2U);
}

TEST(Chakra, FilesAreReadByTheirPrefix) {
  const TemporaryDirectory directory;
  (void)directory.write("t.0.et", foreign({compute(1, 5)}));
  (void)directory.write("t.1.et", foreign({compute(1, 6)}));
  EXPECT_EQ(read_chakra(directory.path() / "t").devices.size(), 2U);
  EXPECT_THROW((void)read_chakra(directory.path() / "u"), UnreadableInput);
}

}  // namespace
}  // namespace rigsim::configs
