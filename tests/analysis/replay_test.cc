#include "analysis/replay.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <stdexcept>

#include "analysis/intervals.h"
#include "configs/catalog.h"
#include "configs/graph_json.h"
#include "configs/rig_digest.h"
#include "topology/network.h"

namespace rigsim::analysis {
namespace {

using namespace std::chrono_literals;
using namespace sim::literals;
using testing::HasSubstr;

topology::Rig rig(const std::string& name) {
  static const configs::Catalog catalog = configs::Catalog::load();
  return catalog.rig(name);
}

Replay run(const std::string& rig_name, const std::string& nodes, ReplayOptions options = {}) {
  const auto document =
      configs::parse_graph_json("{\"rigsim_graph\": 1, \"nodes\": [" + nodes + "]}", "g.json");
  return replay(document, rig(rig_name), options);
}

std::string refusal(const std::string& rig_name, const std::string& nodes) {
  try {
    (void)run(rig_name, nodes);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

sim::Duration from_start(sim::Time time) { return time - sim::Time{}; }

// RTX 4090: 165.2 TFLOPS in f16 with 32-bit accumulation, 1008 GB/s. 16.52e12 / 165.2e12 = 100 ms
// against 50.4 GB / 1008 GB/s = 50 ms; with 201.6 GB memory takes 200 ms.
TEST(Replay, WorkTakesTheLargerRoofOfTheDatasheet) {
  const Replay compute = run("4090", R"({"name": "a", "kind": "compute", "device": "gpu0",
      "flops": 16.52e12, "bytes": "50.4 GB"})");
  EXPECT_EQ(compute.makespan, 100ms);
  EXPECT_EQ(compute.nodes[0].cause, ReplayCause::kCompute);
  EXPECT_EQ(compute.nodes[0].evidence, "datasheet");
  const Replay memory = run("4090", R"({"name": "a", "kind": "compute", "device": "gpu0",
      "flops": 16.52e12, "bytes": "201.6 GB"})");
  EXPECT_EQ(memory.makespan, 200ms);
  EXPECT_EQ(memory.nodes[0].cause, ReplayCause::kMemory);
}

TEST(Replay, AGivenDurationIsKept) {
  const Replay replay = run("4090", R"({"name": "a", "kind": "compute", "device": "gpu0",
      "duration": "12.345678 us", "flops": 1e18})");
  EXPECT_EQ(replay.makespan, sim::Duration(12'345'678));
  EXPECT_EQ(replay.evidence, "given");
}

// One stream: 3 + 4 us, in the order of the list; another stream beside it: 5 us.
TEST(Replay, AStreamRunsOneNodeAtATimeInTheOrderOfTheList) {
  const Replay replay =
      run("4090", R"({"name": "a", "kind": "compute", "device": "gpu0", "duration": "3 us"},
        {"name": "b", "kind": "compute", "device": "gpu0", "duration": "4 us"},
        {"name": "c", "kind": "compute", "device": "gpu0", "stream": "copy", "duration": "5 us"})");
  EXPECT_EQ(from_start(replay.nodes[1].start), 3us);
  EXPECT_EQ(from_start(replay.nodes[2].start), 0us);
  EXPECT_EQ(replay.makespan, 7us);
  EXPECT_EQ(replay.devices[0].busy, 7us);
  EXPECT_EQ(replay.devices[0].idle, 0us);
}

// Two copies from one device to the host share its cable: both move at half the rate and end
// together, latency + 2 S / B.
TEST(Replay, TransfersThatStartTogetherShareTheirLinkFairly) {
  const Replay replay = run(
      "2x4090", R"({"name": "a", "kind": "transfer", "from": "gpu0", "to": "host", "size": "1 GB"},
        {"name": "b", "kind": "transfer", "from": "gpu0", "to": "host", "size": "1 GB"},
        {"name": "c", "kind": "transfer", "from": "gpu1", "to": "host", "size": "1 GB"})");
  const auto path = topology::RigNetwork(rig("2x4090")).device_to_host(0);
  EXPECT_EQ(from_start(replay.nodes[0].end), path.time(2_GB));
  EXPECT_EQ(from_start(replay.nodes[1].end), path.time(2_GB));
  EXPECT_EQ(from_start(replay.nodes[2].end), path.time(1_GB));
  double bytes = 0;
  for (const ReplayedLink& link : replay.links) bytes += link.bytes;
  EXPECT_EQ(bytes, 3e9);  // each copy crosses one link
}

// The copy runs beside 10 us of compute and on alone: what lies under compute is hidden.
TEST(Replay, CommunicationIsHiddenWhileItsDeviceComputes) {
  const Replay replay =
      run("2x4090", R"({"name": "a", "kind": "compute", "device": "gpu0", "duration": "10 us"},
        {"name": "t", "kind": "transfer", "from": "gpu0", "to": "host", "size": "1 MB"})");
  const sim::Duration copy = topology::RigNetwork(rig("2x4090")).device_to_host(0).time(1_MB);
  ASSERT_GT(copy, 10us);
  EXPECT_EQ(replay.makespan, copy);
  EXPECT_EQ(replay.devices[0].hidden, 10us);
  EXPECT_EQ(replay.devices[0].exposed, copy - 10us);
  EXPECT_EQ(replay.exposed, copy);  // the critical path is the copy
  EXPECT_EQ(replay.hidden, 0us);
}

TEST(Replay, TheCriticalPathIsTheRunByCause) {
  const Replay replay = run("2x4090", R"({"name": "h", "kind": "host", "duration": "2 us"},
        {"name": "a", "kind": "compute", "device": "gpu0", "duration": "10 us", "after": ["h"]},
        {"name": "t", "kind": "transfer", "from": "gpu0", "to": "gpu1", "size": "1 MB", "after": ["a"]},
        {"name": "b", "kind": "compute", "device": "gpu1", "duration": "3 us", "after": ["t", "d"]},
        {"name": "d", "kind": "delay", "duration": "1 us"})");
  const auto part = [&](ReplayCause cause) {
    return replay.critical_path[static_cast<std::size_t>(cause)];
  };
  EXPECT_EQ(part(ReplayCause::kHost), 2us);
  EXPECT_EQ(part(ReplayCause::kCompute), 13us);
  EXPECT_EQ(part(ReplayCause::kDelay), 0us);
  EXPECT_EQ(part(ReplayCause::kTransfer),
            topology::RigNetwork(rig("2x4090")).route(0, 1).time(1_MB));
  EXPECT_EQ(
      std::accumulate(replay.critical_path.begin(), replay.critical_path.end(), sim::Duration{}),
      replay.makespan);
  EXPECT_FALSE(replay.nodes[4].on_critical_path);
}

constexpr const char* kReduce = R"({"name": "c", "kind": "collective", "collective": "all_reduce",
    "devices": ["gpu0", "gpu1", "gpu2", "gpu3"], "size": "64 MB", "algorithm": "ring"})";

TEST(Replay, ACollectiveAloneTakesTheSameAsOneEventAndAsFlows) {
  const Replay event = run("4xa100-80gb-sxm", kReduce);
  const Replay flows = run("4xa100-80gb-sxm", kReduce, {.contended = true});
  EXPECT_GT(event.makespan, 0us);
  EXPECT_EQ(event.makespan, flows.makespan);
  EXPECT_EQ(event.nodes[0].cause, ReplayCause::kCollective);
}

TEST(Replay, ContendedCollectivesAndCopiesSlowEachOther) {
  const std::string both = std::string(kReduce) +
                           R"(,{"name": "t", "kind": "transfer", "from": "gpu0", "to": "gpu1",
                              "size": "256 MB"})";
  const Replay event = run("4xa100-80gb-sxm", both);
  const Replay flows = run("4xa100-80gb-sxm", both, {.contended = true});
  EXPECT_EQ(event.nodes[0].end, run("4xa100-80gb-sxm", kReduce).nodes[0].end);
  EXPECT_GT(flows.nodes[0].end, event.nodes[0].end);
  EXPECT_GT(flows.nodes[1].end, event.nodes[1].end);
}

std::string reduce(const std::string& size, const std::string& more = "") {
  return R"({"name": "c", "kind": "collective", "collective": "all_reduce",
    "devices": ["0", "1", "2", "3", "4", "5", "6", "7"], "size": ")" +
         size + "\"" + more + "}";
}

// Eight A100 behind an NVSwitch were measured; a ring of the user's is the links' figures.
TEST(Replay, ACollectiveIsNcclsUnlessItNamesAnAlgorithm) {
  const Replay nccl = run("8xa100-sxm", reduce("64 MB"));
  EXPECT_EQ(nccl.evidence, "measured");
  const Replay ring = run("8xa100-sxm", reduce("64 MB", R"(, "algorithm": "ring")"));
  EXPECT_EQ(ring.evidence, "datasheet");
  EXPECT_NE(ring.makespan, nccl.makespan);
}

// Hopper's NVSwitch adds up; Ampere's and PCIe do not.
TEST(Replay, NvlsNeedsASwitchThatReduces) {
  const std::string nvls = reduce("64 MB", R"(, "algorithm": "nvls")");
  EXPECT_THAT(refusal("8xa100-sxm", nvls), HasSubstr("nvls: no switch that reduces"));
  EXPECT_THAT(refusal("8x4090", nvls), HasSubstr("nvls: no switch that reduces"));
  EXPECT_EQ(refusal("8xh100-sxm", nvls), "accepted");
}

// What NCCL takes beyond its flows comes before them: together its time, and only the flows share.
// On the H100s the switch reduces, so that less moves than in a ring; host memory is shared by all.
TEST(Replay, AnUnnamedCollectiveAloneTakesTheSameAsOneEventAndAsFlows) {
  for (const char* name : {"8xa100-sxm", "8xh100-sxm", "8x4090", "8xa100-pcie", "2x8xh100-sxm"})
    for (const char* size : {"1 MB", "1 GB"}) {
      SCOPED_TRACE(std::string(name) + ' ' + size);
      const sim::Duration event = run(name, reduce(size)).makespan;
      EXPECT_EQ(run(name, reduce(size), {.contended = true}).makespan, event);
    }
  const std::string copy = R"(,{"name": "t", "kind": "transfer", "from": "0", "to": "1",
                              "size": "256 MB"})";
  const Replay busy = run("8xa100-sxm", reduce("64 MB") + copy, {.contended = true});
  EXPECT_GT(from_start(busy.nodes[0].end), run("8xa100-sxm", reduce("64 MB")).makespan);
  EXPECT_EQ(busy.nodes[0].evidence, "fitted");
}

TEST(Replay, ACollectiveOfNothingTakesWhatOneOfAByteTakes) {
  const sim::Duration nothing = run("8xa100-sxm", reduce("0 B")).makespan;
  EXPECT_GT(nothing, 0us);
  EXPECT_EQ(nothing, run("8xa100-sxm", reduce("1 B")).makespan);
  EXPECT_EQ(run("8xa100-sxm", R"({"name": "c", "kind": "collective", "collective": "all_reduce",
                "devices": ["gpu0"], "size": "1 MB"})")
                .makespan,
            0us);
}

// Every kind, alone on links of every kind, with and without flows.
TEST(Replay, EveryCollectiveRunsOnEveryKindOfWiring) {
  for (const char* name : {"8xh100-sxm", "4x4090", "4xa100-pcie", "2x2xh100-sxm"})
    for (const topology::CollectiveKind kind : topology::kCollectiveKinds)
      for (const bool contended : {false, true}) {
        SCOPED_TRACE(std::string(name) + ' ' + std::string(to_string(kind)));
        std::string node = R"({"name": "c", "kind": "collective", "collective": ")" +
                           std::string(to_string(kind)) + R"(", "size": "32 MB", "devices": [)";
        for (std::size_t i = 0; i < rig(name).devices.size(); ++i)
          node += (i > 0 ? ",\"" : "\"") + std::to_string(i) + '"';
        EXPECT_GT(run(name, node + "]}", {.contended = contended}).makespan, 0us);
      }
}

TEST(Replay, DevicesAlsoGoByNumber) {
  const Replay replay =
      run("2x4090", R"({"name": "a", "kind": "compute", "device": "npu1", "duration": "1 us"},
                       {"name": "b", "kind": "compute", "device": "0", "duration": "2 us"})");
  EXPECT_EQ(replay.devices[1].busy, 1us);
  EXPECT_EQ(replay.devices[0].busy, 2us);
}

TEST(Replay, WhatTheRigCannotDoIsRefusedByName) {
  EXPECT_THAT(refusal("2x4090", R"({"name": "a", "kind": "compute", "device": "gpu2",
                                    "duration": "1 us"})"),
              HasSubstr("device \"gpu2\" is not in 2x4090, which has gpu0 to gpu1"));
  EXPECT_THAT(refusal("2x3090", R"({"name": "a", "kind": "compute", "device": "gpu0",
                                    "flops": 1, "format": "fp4"})"),
              HasSubstr("node \"a\": the datasheet of"));
  EXPECT_THAT(refusal("2x4090", R"({"name": "a", "kind": "compute", "device": "gpu0",
                                    "duration": "1 us"},
                                   {"name": "b", "kind": "compute", "device": "0",
                                    "duration": "1 us"})"),
              HasSubstr("devices \"gpu0\" and \"0\" are both gpu0"));
}

// 10^30 operations at 165.2 TFLOPS are 192 million years: beyond the clock.
TEST(Replay, WorkBeyondTheClockIsRefusedByName) {
  EXPECT_THAT(refusal("4090", R"({"name": "a", "kind": "compute", "device": "gpu0",
                                  "flops": 1e30})"),
              HasSubstr("node \"a\": duration outside the clock's range of 106 days"));
}

// In whatever order they stand: 777 + 777 us.
TEST(Replay, CollectivesOfTheSameDevicesWaitForEachOther) {
  const char* node = R"({{"name": "{}", "kind": "collective", "collective": "all_reduce",
                          "devices": [{}], "size": "1 MB", "duration": "777 us"}})";
  const std::string first = fmt::format(fmt::runtime(node), "a", R"("gpu0", "gpu1")");
  for (const char* devices : {R"("gpu0", "gpu1")", R"("gpu1", "gpu0")"}) {
    const Replay replay =
        run("2x4090", first + ',' + fmt::format(fmt::runtime(node), "b", devices));
    EXPECT_EQ(replay.makespan, 1554us) << devices;
  }
}

TEST(Replay, TheSameGraphGivesTheSameTimesTwice) {
  const std::string both = std::string(kReduce) +
                           R"(,{"name": "t", "kind": "transfer", "from": "gpu0", "to": "gpu1",
                              "size": "256 MB"})";
  const Replay one = run("4xa100-80gb-sxm", both, {.contended = true});
  const Replay two = run("4xa100-80gb-sxm", both, {.contended = true});
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(one.nodes[i].end, two.nodes[i].end);
}

TEST(Intervals, UnionIntersectionAndDifference) {
  const auto at = [](std::int64_t ps) { return sim::Time(sim::Duration(ps)); };
  const Intervals a = merged({{at(5), at(7)}, {at(0), at(2)}, {at(1), at(4)}, {at(9), at(9)}});
  EXPECT_EQ(a, (Intervals{{at(0), at(4)}, {at(5), at(7)}}));
  const Intervals b{{at(3), at(6)}};
  EXPECT_EQ(both(a, b), (Intervals{{at(3), at(4)}, {at(5), at(6)}}));
  EXPECT_EQ(length(a), sim::Duration(6));
  EXPECT_EQ(length_without(a, b), sim::Duration(4));
}

constexpr const char* kTimed = R"({"name": "c", "kind": "collective", "collective": "all_reduce",
    "devices": ["gpu0", "gpu1"], "size": "1 MB", "algorithm": "one_shot", "library": "vllm",
    "duration": "777 us"})";

TEST(Replay, AGivenDurationOfACollectiveIsKept) {
  for (const bool contended : {false, true}) {
    const Replay replay = run("2x4090", kTimed, {.contended = contended});
    EXPECT_EQ(replay.makespan, 777us);
    EXPECT_EQ(replay.nodes[0].cause, ReplayCause::kCollective);
    EXPECT_EQ(replay.evidence, "given");
  }
}

// A ring of two sends 1 MB; latency and bandwidth of the copy are the rig's, what is left of 777 us
// comes before. Beside it a copy of 1 MB on the same way: both move at half the rate.
TEST(Replay, ACollectiveThatSharesLinksSlowsWhatMovesBesideIt) {
  const std::string shared =
      std::string(kTimed).replace(std::string(kTimed).rfind('}'), 1, R"(, "links": "shared"})");
  EXPECT_EQ(run("2xa100-80gb-sxm", shared).makespan, 777us);
  const auto path = topology::RigNetwork(rig("2xa100-80gb-sxm")).route(0, 1);
  const sim::Duration beyond = 777us - path.time(1_MB);
  const Replay both = run("2xa100-80gb-sxm", shared + fmt::format(R"(,
      {{"name": "d", "kind": "delay", "duration": "{} ps"}},
      {{"name": "t", "kind": "transfer", "from": "gpu0", "to": "gpu1", "size": "1 MB",
        "after": ["d"]}})",
                                                                  beyond.count()));
  EXPECT_EQ(both.makespan, beyond + path.time(2_MB));
}

// Everything but the name counts: the same rig by another name is the same.
TEST(Replay, DurationsPricedElsewhereHoldForCollectivesOfEqualRigsOnly) {
  auto document = configs::parse_graph_json(
      std::string("{\"rigsim_graph\": 1, \"nodes\": [") + kTimed + "]}", "g.json");
  topology::Rig mine = rig("2x4090");
  document.priced_on = configs::priced_on(mine);
  mine.name = "the box under my desk";
  EXPECT_FALSE(replay(document, mine).priced_elsewhere);
  EXPECT_EQ(replay(document, mine).makespan, 777us);
  mine.cables.front().latency += sim::Duration(1);
  EXPECT_TRUE(replay(document, mine).priced_elsewhere);
  EXPECT_NE(replay(document, mine).makespan, 777us);
}

}  // namespace
}  // namespace rigsim::analysis
