#include "topology/nccl_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <stdexcept>

#include "tests/topology/nccl_numbers.h"
#include "topology/nccl_fit.h"

namespace rigsim::topology {
namespace {

using namespace std::chrono_literals;
using namespace sim::literals;
using testing::round_constants;

NcclGraph eight_on_a_switch() {
  NcclGraph graph;
  graph.path = NcclPath::kNvlink;
  graph.generation = NcclGeneration::kHopper;
  graph.ranks = graph.ranks_per_machine = 8;
  graph.intra = 400_GBps;
  graph.nvls = true;
  return graph;
}

double us(sim::Duration duration) { return sim::to_seconds(duration) * 1e6; }

NcclChoice forced(CollectiveKind kind, sim::Bytes size, Algorithm algorithm, Protocol protocol) {
  return nccl_choice(kind, size, eight_on_a_switch(), round_constants(), algorithm, protocol);
}

// Ring of 8, LL: 10 + 14 x 1 us, 14/8 x 8 MB over min(140, 200) GB/s = 100 us.
TEST(NcclTuning, ARingTakesItsStepsAndItsBytes) {
  const auto ring = forced(CollectiveKind::kAllReduce, 8_MB, Algorithm::kRing, Protocol::kLl);
  EXPECT_NEAR(us(ring.expected), 24 + 100, 1e-6);
  const auto simple =
      forced(CollectiveKind::kReduceScatter, 8_MB, Algorithm::kRing, Protocol::kSimple);
  EXPECT_NEAR(us(simple.expected), 15 + 7 * 4 + 7.0 / 8 * 8e6 / 400e3, 1e-6);
}

// Tree: 17 + 2 x 7 x 5 us; 8 MB over 400 x 0.9 / 2 GB/s. NVLS: 25 us; (1 + 1/8) 8 MB over 400 x 0.8
// x 15/16.
TEST(NcclTuning, TreesAndTheSwitchHaveTheirOwn) {
  const auto tree = forced(CollectiveKind::kAllReduce, 8_MB, Algorithm::kTree, Protocol::kSimple);
  EXPECT_NEAR(us(tree.expected), 17 + 70 + 8e6 / 180e3, 1e-6);
  const auto nvls = forced(CollectiveKind::kAllReduce, 8_MB, Algorithm::kNvls, Protocol::kSimple);
  EXPECT_NEAR(us(nvls.expected), 25 + 1.125 * 8e6 / 300e3, 1e-6);
}

// Ring of 4 over PCIe, LL: 8 + 6 x 2 us; NVLink carries half of the hops in 1 us each.
TEST(NcclTime, HopsOverNvlinkInARingOverPcieAreShorter) {
  NcclGraph graph;
  graph.path = NcclPath::kSharedMemory;
  graph.ranks = graph.ranks_per_machine = 4;
  graph.intra = 24_GBps;
  const NcclFit fit{8us, 2us, 6us, 0.5, 1, 0.5};
  const auto time = [&] {
    return us(nccl_time(CollectiveKind::kAllReduce, 1_B, {Algorithm::kRing, Protocol::kLl, {}},
                        graph, fit, {1, 1, 1}, round_constants()));
  };
  EXPECT_NEAR(time(), 20, 1e-3);
  graph.nvlink_hops = 0.5;
  EXPECT_NEAR(time(), 17, 1e-3);
}

TEST(NcclTuning, ChoosesTheLeastExpected) {
  const NcclConstants nccl = round_constants();
  const NcclGraph graph = eight_on_a_switch();
  for (const sim::Bytes size : {1_KiB, 64_KiB, 1_MiB, 16_MiB, 1_GiB}) {
    const NcclChoice best = nccl_choice(CollectiveKind::kAllReduce, size, graph, nccl);
    for (const NcclChoice& other : nccl_choices(CollectiveKind::kAllReduce, size, graph, nccl))
      EXPECT_LE(best.expected, other.expected);
  }
  EXPECT_EQ(nccl_choice(CollectiveKind::kAllReduce, 1_KiB, graph, nccl).protocol, Protocol::kLl);
  EXPECT_EQ(nccl_choice(CollectiveKind::kAllReduce, 1_GiB, graph, nccl).algorithm,
            Algorithm::kNvls);
}

TEST(NcclTuning, Ll128NeedsNvlinkAndNvlsFiveRanks) {
  NcclGraph graph = eight_on_a_switch();
  graph.ranks = graph.ranks_per_machine = 4;
  for (const auto& c : nccl_choices(CollectiveKind::kAllReduce, 1_MiB, graph, round_constants()))
    EXPECT_NE(c.algorithm, Algorithm::kNvls);
  graph.path = NcclPath::kPcie;
  for (const auto& c : nccl_choices(CollectiveKind::kAllReduce, 1_MiB, graph, round_constants()))
    EXPECT_NE(c.protocol, Protocol::kLl128);
}

TEST(NcclTuning, PatIsForOneRankAMachine) {
  NcclGraph graph = eight_on_a_switch();
  graph.machines = 8;
  graph.ranks_per_machine = 1;
  graph.inter = 50_GBps;
  const auto pat =
      nccl_choice(CollectiveKind::kAllGather, 1_MiB, graph, round_constants(), Algorithm::kPat);
  // 8 us + log2(8) x 14 / 3.5 + 2.8 x 8 us; 7/8 MiB over 0.75 x 50 GB/s.
  EXPECT_NEAR(us(pat.expected), 8 + 12 + 22.4 + 7.0 / 8 * 1048576 / 37.5e3, 1e-6);
  EXPECT_THROW((void)nccl_choice(CollectiveKind::kAllReduce, 1_MiB, graph, round_constants(),
                                 Algorithm::kPat),
               std::invalid_argument);
}

TEST(NcclTuning, SaysWhatThereIs) {
  try {
    (void)forced(CollectiveKind::kAllGather, 1_MiB, Algorithm::kTree, Protocol::kLl);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(),
                 "NCCL has no tree ll all_gather here; it has ring ll, ring ll128, ring simple");
  }
}

// 16 KiB to each of 8 peers is the last that goes by LL.
TEST(NcclTuning, ExchangesGoByLlUpToALimitPerPeer) {
  const auto wire = [](sim::Bytes size) {
    return nccl_choice(CollectiveKind::kAllToAll, size, eight_on_a_switch(), round_constants())
        .protocol;
  };
  EXPECT_EQ(wire(128_KiB), Protocol::kLl);
  EXPECT_EQ(wire(128_KiB + 1_B), Protocol::kSimple);
}

NcclFit round_fit() { return {5us, 2us, 8us, 0.5, 1.0, 0.5}; }
constexpr NcclShape kAdd{1, 1, 0.5};

sim::Duration time_of(CollectiveKind kind, sim::Bytes size, const NcclChoice& choice,
                      const NcclGraph& graph, const NcclShape& shape = kAdd) {
  return nccl_time(kind, size, choice, graph, round_fit(), shape, round_constants());
}

// LL: 5 + 14 x 2 us; 14 sends and one step more at half: (1 + 0.5 / 14) x 14/8 x 8 MB / 200 GB/s.
TEST(NcclTime, AddsUpByHand) {
  const NcclChoice ll{Algorithm::kRing, Protocol::kLl, {}};
  EXPECT_NEAR(us(time_of(CollectiveKind::kAllReduce, 8_MB, ll, eight_on_a_switch())),
              5 + 28 + 14.5 / 8 * 8e6 / 200e3, 1e-5);
  // Simple starts 15 - 10 us later than LL, and its hop is 8 us.
  const NcclChoice simple{Algorithm::kRing, Protocol::kSimple, {}};
  EXPECT_NEAR(us(time_of(CollectiveKind::kAllGather, 8_MB, simple, eight_on_a_switch())),
              10 + 7 * 8 + 7.5 / 8 * 8e6 / 400e3, 1e-5);
  // NVLS keeps NCCL's 25 us to Simple's 4 us: 5 + 50 us.
  const NcclChoice nvls{Algorithm::kNvls, Protocol::kSimple, {}};
  EXPECT_NEAR(us(time_of(CollectiveKind::kAllReduce, 8_MB, nvls, eight_on_a_switch())),
              55 + 1.125 * 8e6 / 320e3, 1e-5);
}

TEST(NcclTime, HostMemoryCarriesItsShare) {
  NcclGraph graph = eight_on_a_switch();
  graph.path = NcclPath::kSharedMemory;
  const NcclChoice simple{Algorithm::kRing, Protocol::kSimple, {}};
  EXPECT_NEAR(us(time_of(CollectiveKind::kAllGather, 8_MB, simple, graph)),
              10 + 7 * 8 + 7.5 / 8 * 8e6 / 200e3, 1e-5);
}

// (4^0.5 + 9^0.5)^2 = 25.
TEST(NcclTime, LatencyAndTransferHinderEachOther) {
  NcclGraph graph = eight_on_a_switch();
  graph.ranks = 2;
  graph.intra = sim::Bandwidth(1e9);
  const NcclFit fit{2us, 1us, 8us, 1.0, 1.0, 1e-9};
  const NcclChoice ll{Algorithm::kRing, Protocol::kLl, {}};
  const auto time =
      nccl_time(CollectiveKind::kAllReduce, 9_kB, ll, graph, fit, {0.5, 0.5, 1}, round_constants());
  EXPECT_NEAR(us(time), 25, 1e-3);
}

// What nccl_time makes of known numbers gives the numbers back, as far as the pull to NCCL's
// constants lets it.
TEST(NcclFitting, FindsTheNumbersBehindTheSamples) {
  const NcclConstants nccl = round_constants();
  std::vector<NcclSample> samples;
  for (const std::uint32_t ranks : {2U, 4U, 8U}) {
    NcclGraph graph = eight_on_a_switch();
    graph.ranks = graph.ranks_per_machine = ranks;
    for (const auto kind :
         {CollectiveKind::kAllReduce, CollectiveKind::kReduceScatter, CollectiveKind::kAllToAll})
      for (sim::Bytes size = 512_B; size <= 512_MiB; size = size * 2) {
        const auto choice = nccl_choice(kind, size, graph, nccl);
        samples.push_back({kind, size, graph, time_of(kind, size, choice, graph)});
      }
  }
  const NcclFit fit = fit_nccl(samples, kAdd, nccl);
  EXPECT_NEAR(us(fit.launch), 5, 0.1);
  EXPECT_NEAR(us(fit.ll_hop), 2, 0.04);
  EXPECT_NEAR(us(fit.simple_hop), 8, 0.2);
  EXPECT_NEAR(fit.ll_share, 0.5, 0.01);
  EXPECT_NEAR(fit.simple_share, 1.0, 0.01);
  EXPECT_NEAR(fit.idle_step, 0.5, 0.05);
  EXPECT_EQ(fit, fit_nccl(samples, kAdd, nccl));
}

TEST(NcclFitting, RefusesTooLittle) {
  const std::vector<NcclSample> few(5,
                                    {CollectiveKind::kAllReduce, 1_MiB, eight_on_a_switch(), 1us});
  EXPECT_THROW((void)fit_nccl(few, kAdd, round_constants()), std::invalid_argument);
  EXPECT_THROW((void)middle_of({}), std::invalid_argument);
}

// sqrt(2 x 8) = 4.
TEST(NcclFitting, TheMiddleIsGeometric) {
  const std::vector<NcclFit> fits{{2us, 2us, 2us, 2, 2, 2}, {8us, 8us, 8us, 8, 8, 8}};
  EXPECT_EQ(middle_of(fits).launch, 4us);
  EXPECT_NEAR(middle_of(fits).idle_step, 4, 1e-12);
}

}  // namespace
}  // namespace rigsim::topology
