#include "workloads/serving/kv_pool.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace rigsim::workloads {
namespace {

TEST(KvPool, CountsWhatIsFreeAndHeld) {
  KvPool pool(10);
  pool.take(4);
  EXPECT_EQ(pool.free(), 6);
  EXPECT_EQ(pool.held(), 4);
  pool.give_back(3);
  EXPECT_EQ(pool.free(), 9);
  pool.take(9);
  EXPECT_EQ(pool.free(), 0);
}

TEST(KvPool, RefusesWhatIsNotThere) {
  EXPECT_THROW(KvPool(-1), std::invalid_argument);
  KvPool pool(3);
  EXPECT_THROW(pool.take(4), std::logic_error);
  EXPECT_EQ(pool.free(), 3);
}

/// A run of blocks that somebody computed and still holds.
KvRun computed(KvPool& pool, std::uint64_t key, std::int64_t blocks) {
  pool.take(blocks);
  const KvRun run = pool.hold(key);
  pool.adopt(run, blocks);
  return run;
}

TEST(KvPool, FindsARunUntilItsBlocksAreTaken) {
  KvPool pool(10);
  const KvRun run = computed(pool, 7, 4);
  EXPECT_TRUE(pool.held(run));
  pool.release(run);
  EXPECT_FALSE(pool.held(run));
  EXPECT_EQ(pool.free(), 10);
  ASSERT_EQ(pool.find(7), run);
  EXPECT_EQ(pool.present(run), 4);

  // 6 blocks wait in front of the run's; then its last ones go.
  pool.take(6);
  EXPECT_EQ(pool.present(run), 4);
  pool.take(1);
  EXPECT_EQ(pool.present(run), 3);
  pool.take(3);
  EXPECT_EQ(pool.find(7), std::nullopt);
}

TEST(KvPool, TakesTheRunFirstThatWasReleasedFirst) {
  KvPool pool(6);
  const KvRun older = computed(pool, 1, 3);
  const KvRun newer = computed(pool, 2, 3);
  pool.release(newer);
  pool.release(older);
  pool.take(4);
  EXPECT_EQ(pool.find(2), std::nullopt);
  EXPECT_EQ(pool.present(*pool.find(1)), 2);
}

TEST(KvPool, KeepsARunThatIsHeldAgain) {
  KvPool pool(6);
  const KvRun run = computed(pool, 1, 3);
  pool.release(run);
  EXPECT_EQ(pool.hold(1), run);
  EXPECT_EQ(pool.free(), 3);
  pool.take(3);
  EXPECT_EQ(pool.present(run), 3);
}

TEST(KvPool, FreesARunWithItsLastHolder) {
  KvPool pool(6);
  const KvRun run = computed(pool, 1, 3);
  pool.hold(1);
  pool.release(run);
  EXPECT_EQ(pool.free(), 3);
  pool.release(run);
  EXPECT_EQ(pool.free(), 6);
  EXPECT_THROW(pool.release(run), std::logic_error);
}

TEST(KvPool, TrimsARunToItsLeadingBlocks) {
  KvPool pool(6);
  const KvRun run = computed(pool, 1, 4);
  pool.trim(run, 1);
  EXPECT_EQ(pool.present(run), 1);
  EXPECT_EQ(pool.free(), 5);
  pool.trim(run, 3);
  EXPECT_EQ(pool.present(run), 1);
}

TEST(KvPool, ForgetsARunWithoutBlocks) {
  KvPool pool(6);
  pool.release(pool.hold(1));
  EXPECT_EQ(pool.find(1), std::nullopt);
}

}  // namespace
}  // namespace rigsim::workloads
