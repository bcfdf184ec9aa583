#include "topology/collective_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "topology/collective_steps.h"

namespace rigsim::topology {
namespace {

using namespace sim::literals;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Kind = CollectiveKind;

// A byte takes 10 ps; a message of 8 MB 80 us.
constexpr LinkCost kLink{1us, 100_GBps};

sim::Duration time_of(Kind kind, Algorithm algorithm, std::size_t ranks, sim::Bytes size,
                      const CollectiveOptions& options = {}) {
  return collective_time(kind, algorithm, ranks, size, {kLink}, options);
}

// 2(n-1) steps of S/n: 14 x (1 us + 8 MB / 100 GB/s) = 14 x 81 us. Halving-doubling moves the same
// in 2 log2 n = 6 steps: 6 us + 14 x 80 us.
TEST(AllReduceTime, OfEightRanksIsTheTextbooks) {
  const auto all_reduce = [](Algorithm algorithm) {
    return time_of(Kind::kAllReduce, algorithm, 8, 64_MB);
  };
  EXPECT_EQ(all_reduce(Algorithm::kRing), 1134us);
  EXPECT_EQ(all_reduce(Algorithm::kHalvingDoubling), 1126us);
  EXPECT_EQ(all_reduce(Algorithm::kTwoShot), 1122us);  // 2 us + 2 x 7 x 80 us
  EXPECT_EQ(all_reduce(Algorithm::kDirect), 1122us);
  EXPECT_EQ(all_reduce(Algorithm::kOneShot), 4481us);  // 1 us + 7 x 640 us
  EXPECT_EQ(all_reduce(Algorithm::kNvls), 721us);      // 1 us + 640 us + 80 us
}

// Adding at 200 GB/s doubles no step but lengthens the adding ones by half: 7 x 40 us.
TEST(AllReduceTime, OfARingAddsUpInHalfOfItsSteps) {
  EXPECT_EQ(time_of(Kind::kAllReduce, Algorithm::kRing, 8, 64_MB, {.reduction = 200_GBps}),
            1134us + 280us);
}

// 6 = 4 + 2: two ranks send all they have to others before, 4 exchange 2 x (S/2 + S/4), and two are
// told after: 2 x (1 us + 120 us) + 4 us + 2 x 90 us.
TEST(AllReduceTime, OfHalvingDoublingFoldsWhatIsBeyondAPowerOfTwo) {
  EXPECT_EQ(time_of(Kind::kAllReduce, Algorithm::kHalvingDoubling, 6, 12_MB), 426us);
}

// 8 ranks: one chunk is 5 rounds up and 5 down; each further one 2 + 2. 4 chunks in each tree: 22
// rounds of (1 us + 8 MB / 8 / 100 GB/s = 10 us).
TEST(AllReduceTime, OfATreeCountsRoundsOfChunks) {
  EXPECT_EQ(time_of(Kind::kAllReduce, Algorithm::kTree, 8, 8_MB, {.chunks = 4}), 242us);
}

// Many chunks, no latency to speak of: both trees move S up and S down, 2 S / B.
TEST(AllReduceTime, OfATreeTendsToTwiceTheDataPerPort) {
  const UniformLinks links{{1ns, 100_GBps}};
  const auto time = collective_time(Kind::kAllReduce, Algorithm::kTree, 512, 1_GB, links);
  EXPECT_NEAR(sim::to_seconds(time), 20e-3, 0.02 * 20e-3);
}

// The best number of chunks is not worse than half or twice of it.
TEST(BestChunks, AreTheBest) {
  const struct {
    Kind kind;
    Algorithm algorithm;
  } pipelines[] = {{Kind::kAllReduce, Algorithm::kTree}, {Kind::kBroadcast, Algorithm::kRing}};
  for (const auto& [kind, algorithm] : pipelines) {
    for (const std::size_t ranks : {3U, 8U, 64U, 1000U}) {
      const std::uint32_t best = best_chunks(kind, algorithm, ranks, 64_MB, kLink);
      const auto at = [&](std::uint32_t chunks) {
        return time_of(kind, algorithm, ranks, 64_MB, {.chunks = chunks});
      };
      EXPECT_LE(at(best), at(std::max(best / 2, 1U))) << to_string(kind) << ranks;
      EXPECT_LE(at(best), at(2 * best)) << to_string(kind) << ranks;
      EXPECT_EQ(time_of(kind, algorithm, ranks, 64_MB), at(best));
    }
  }
}

// 2 machines of 4, 8 MB: inside 3 x (1 us + 2 MB / 100 GB/s), twice; over the rails 2 x (5 us + 1
// MB / 50 GB/s): 126 us + 50 us.
TEST(AllReduceTime, OfMachinesAddsTheRails) {
  const UniformLinks links{kLink, LinkCost{5us, 50_GBps}};
  EXPECT_EQ(
      collective_time(Kind::kAllReduce, Algorithm::kHierarchical, 8, 8_MB, links, {.machines = 2}),
      176us);
}

// 7 steps of 81 us; 3 steps or 1 that move 7 shares of 80 us.
TEST(ReduceScatterAndAllGatherTime, OfEightRanksIsTheTextbooks) {
  for (const Kind kind : {Kind::kReduceScatter, Kind::kAllGather}) {
    EXPECT_EQ(time_of(kind, Algorithm::kRing, 8, 64_MB), 567us);
    EXPECT_EQ(time_of(kind, Algorithm::kHalvingDoubling, 8, 64_MB), 563us);
    EXPECT_EQ(time_of(kind, Algorithm::kPat, 8, 64_MB), 563us);
    EXPECT_EQ(time_of(kind, Algorithm::kDirect, 8, 64_MB), 561us);
  }
}

// Steps of 1, 2 and 4 shares: with one share per message 7 messages, as many as a ring's.
TEST(ReduceScatterAndAllGatherTime, OfPatGrowsWithSmallMessages) {
  EXPECT_EQ(time_of(Kind::kAllGather, Algorithm::kPat, 8, 64_MB, {.aggregation = 2}), 564us);
  EXPECT_EQ(time_of(Kind::kAllGather, Algorithm::kPat, 8, 64_MB, {.aggregation = 1}), 567us);
}

TEST(CollectiveSteps, OfBruckAndPatPassOnEveryShareOnce) {
  for (std::uint32_t ranks = 2; ranks <= 300; ++ranks) {
    std::uint32_t bruck = 0;
    std::uint32_t pat = 0;
    for (const Exchange& step : bruck_steps(ranks)) bruck += step.shares;
    for (const Exchange& step : pat_steps(ranks, 3)) pat += step.shares;
    EXPECT_EQ(bruck, ranks - 1);
    EXPECT_EQ(pat, ranks - 1);
    EXPECT_EQ(bruck_steps(ranks).size(), ceil_log2(ranks));
  }
}

// Of 0..5 the odd ones, {2, 3} and {4, 5} have the bits 1, 2 and 4.
TEST(CollectiveSteps, OfAllToAllCountTheBits) {
  const auto steps = bruck_all_to_all_steps(6);
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].shares, 3u);
  EXPECT_EQ(steps[1].shares, 2u);
  EXPECT_EQ(steps[2].shares, 2u);
}

// 8 MB: 80 us for all of it, 10 us for a share.
TEST(BroadcastTime, OfEightRanksIsTheTextbooks) {
  const auto broadcast = [](Algorithm algorithm, const CollectiveOptions& options = {}) {
    return time_of(Kind::kBroadcast, algorithm, 8, 8_MB, options);
  };
  EXPECT_EQ(broadcast(Algorithm::kTree), 243us);
  EXPECT_EQ(broadcast(Algorithm::kRing, {.chunks = 10}), 144us);  // 16 x (1 us + 8 us)
  EXPECT_EQ(broadcast(Algorithm::kHalvingDoubling), 146us);       // 6 us + 14 x 10 us
  EXPECT_EQ(broadcast(Algorithm::kTwoShot), 142us);
  EXPECT_EQ(broadcast(Algorithm::kDirect), 561us);
  EXPECT_EQ(broadcast(Algorithm::kHierarchical, {.machines = 2}), 243us);
}

// 8 MB per rank, shares of 10 us. Bruck: 3 steps of 4 shares. 2 machines of 4: 3 peers get 2 shares
// each, then 1 peer gets 4.
TEST(AllToAllTime, OfEightRanksIsTheTextbooks) {
  const auto all_to_all = [](Algorithm algorithm, const CollectiveOptions& options = {}) {
    return time_of(Kind::kAllToAll, algorithm, 8, 8_MB, options);
  };
  EXPECT_EQ(all_to_all(Algorithm::kDirect), 71us);
  EXPECT_EQ(all_to_all(Algorithm::kRing), 77us);
  EXPECT_EQ(all_to_all(Algorithm::kHalvingDoubling), 123us);
  EXPECT_EQ(all_to_all(Algorithm::kHierarchical, {.machines = 2}), 61us + 41us);
}

TEST(SendRecvTime, IsOneMessage) {
  EXPECT_EQ(time_of(Kind::kSendRecv, Algorithm::kDirect, 2, 8_MB), 81us);
}

TEST(CollectiveTime, OfOneRankIsNothing) {
  EXPECT_EQ(time_of(Kind::kAllReduce, Algorithm::kTree, 1, 8_MB), 0us);
}

TEST(CollectiveTime, SaysWhatIsAllowed) {
  EXPECT_THAT([] { (void)time_of(Kind::kAllGather, Algorithm::kTree, 8, 1_MB); },
              ThrowsMessage<std::invalid_argument>(
                  HasSubstr("all_gather: no algorithm tree, there are ring, halving_doubling, "
                            "pat, hierarchical, direct")));
  EXPECT_THAT(
      [] { (void)time_of(Kind::kAllReduce, Algorithm::kHierarchical, 8, 1_MB, {.machines = 3}); },
      ThrowsMessage<std::invalid_argument>(HasSubstr("8 ranks on 3 machines")));
  EXPECT_THROW((void)time_of(Kind::kAllReduce, Algorithm::kRing, 0, 1_MB), std::invalid_argument);
  EXPECT_THROW((void)time_of(Kind::kAllReduce, Algorithm::kRing, 2, sim::Bytes(-1)),
               std::invalid_argument);
  EXPECT_THROW((void)time_of(Kind::kAllReduce, Algorithm::kTree, 4, 1_MB, {.chunks = 0}),
               std::invalid_argument);
  EXPECT_THROW((void)collective_time(Kind::kAllReduce, Algorithm::kRing, 2, 1_MB, {{1us, 0_GBps}}),
               std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::topology
