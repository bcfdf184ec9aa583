#include "workloads/op_graph_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

using testing::HasSubstr;

std::string refusal(const OpGraphDocument& document) {
  try {
    validate(document);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

OpGraphDocument one(NodeWork work) { return {"", {"gpu0", "gpu1"}, {{"a", std::move(work), {}}}}; }

TEST(OpGraphDocument, RefusesWhatNoMachineCouldDo) {
  EXPECT_EQ(refusal(one(TransferNode{0, 1, sim::Bytes(0), false})), "accepted");
  EXPECT_THAT(refusal(one(TransferNode{0, 2, {}, false})),
              HasSubstr("node \"a\": device 2 does not exist"));
  EXPECT_THAT(refusal(one(TransferNode{1, 1, {}, false})), HasSubstr("two different ends"));
  EXPECT_THAT(refusal(one(TransferNode{0, 1, sim::Bytes(-1), false})), HasSubstr("got -1 B"));
  EXPECT_THAT(refusal(one(DelayNode{sim::Duration::max()})), HasSubstr("0 to 100 days"));
  EXPECT_THAT(refusal(one(ComputeNode{})), HasSubstr("needs a duration, flops or bytes"));
  EXPECT_THAT(refusal(one(CollectiveNode{{}, {0, 1, 0}, {}, {}})), HasSubstr("names gpu0 twice"));
  CollectiveNode own{topology::CollectiveKind::kAllGather, {0, 1}};
  own.runner = CollectiveRunner::kLlamaCpp;
  EXPECT_THAT(refusal(one(own)), HasSubstr("all_reduce of two devices"));
  own = {topology::CollectiveKind::kAllReduce, {0, 1}};
  own.duration = sim::Duration(-1);
  EXPECT_THAT(refusal(one(own)), HasSubstr("got -1 ps"));
}

TEST(OpGraphDocument, RefusesNamesThatAreNotUnique) {
  const GraphNode node{"a", DelayNode{}, {}};
  EXPECT_THAT(refusal({"", {}, {node, node}}), HasSubstr("two nodes are named \"a\""));
  EXPECT_THAT(refusal({"", {"x", "x"}, {}}), HasSubstr("two devices are named \"x\""));
  EXPECT_THAT(refusal({"", {"host"}, {}}), HasSubstr("not a device"));
}

// 0 -> 1 -> 2 -> 1: the circle is 1, 2; node 3 hangs behind it, node 0 before it.
TEST(OpGraphDocument, FindsTheCircleAndNothingElse) {
  const OpGraphDocument document{"",
                                 {},
                                 {{"a", DelayNode{}, {}},
                                  {"b", DelayNode{}, {0, 2}},
                                  {"c", DelayNode{}, {1}},
                                  {"d", DelayNode{}, {2}}}};
  EXPECT_THAT(find_cycle(document), testing::ElementsAre(1, 2));
  EXPECT_THAT(refusal(document), HasSubstr("b -> c -> b"));
}

TEST(OpGraphDocument, ANodeThatWaitsForItselfIsACircle) {
  EXPECT_THAT(refusal({"", {}, {{"a", DelayNode{}, {0}}}}), HasSubstr("a -> a"));
}

}  // namespace
}  // namespace rigsim::workloads
