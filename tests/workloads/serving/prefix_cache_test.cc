#include "workloads/serving/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "workloads/serving/batch_state.h"

namespace rigsim::workloads {
namespace {

// Hashes of 32 tokens, blocks of 16.
constexpr std::array<std::uint64_t, 4> kHashes{11, 12, 13, 14};
constexpr Prefix kPrefix{kHashes, 32};

BatchLimits limits_of(std::int64_t blocks) {
  BatchLimits limits;
  limits.kv_blocks = blocks;
  return limits;
}

Sequence sequence_of(std::uint32_t request, std::int64_t prompt, std::int64_t output) {
  Sequence sequence;
  sequence.request = request;
  sequence.prompt = prompt;
  sequence.output = output;
  sequence.target = prompt;
  return sequence;
}

/// Admits the first that waits and computes what is not cached of its tokens.
Slot run_next(BatchState& state) {
  const CachedPrefix cached = state.cached(state.waiting().front());
  const Slot slot = state.admit(cached);
  const Sequence& sequence = state.at(slot);
  EXPECT_TRUE(state.grow(slot, sequence.target));
  StepPlan plan;
  state.schedule_chunk(slot, sequence.target - sequence.computed, plan);
  return slot;
}

Slot run(BatchState& state, const Sequence& sequence, const Prefix& prefix) {
  state.arrive(sequence, prefix, false);
  return run_next(state);
}

void finish(BatchState& state, Slot slot) {
  state.finish(slot);
  state.sweep();
}

// 100 tokens fill 6 blocks; of 96 the last must be computed, so 5 can be used.
TEST(PrefixCache, FindsFullBlocksAndLeavesOneTokenToCompute) {
  BatchState state(limits_of(50));
  finish(state, run(state, sequence_of(0, 100, 1), kPrefix));
  EXPECT_EQ(state.cached(sequence_of(1, 100, 1), kPrefix).blocks, 6);
  EXPECT_EQ(state.cached(sequence_of(1, 97, 1), kPrefix).blocks, 6);
  EXPECT_EQ(state.cached(sequence_of(1, 96, 1), kPrefix).blocks, 5);
  EXPECT_EQ(state.cached(sequence_of(1, 16, 1), kPrefix).blocks, 0);
}

TEST(PrefixCache, FindsThePartThatIsShared) {
  BatchState state(limits_of(50));
  finish(state, run(state, sequence_of(0, 100, 1), kPrefix));
  constexpr std::array<std::uint64_t, 3> other{11, 12, 99};
  EXPECT_EQ(state.cached(sequence_of(1, 100, 1), {other, 32}).blocks, 4);
}

TEST(PrefixCache, FindsNothingWhereHashesDoNotSpanWholeBlocks) {
  BatchState state(limits_of(50));
  finish(state, run(state, sequence_of(0, 100, 1), {kHashes, 24}));
  EXPECT_EQ(state.cached(sequence_of(1, 100, 1), {kHashes, 24}).blocks, 0);
}

TEST(PrefixCache, FindsNothingWhenItIsOff) {
  BatchLimits limits = limits_of(50);
  limits.prefix_caching = false;
  BatchState state(limits);
  finish(state, run(state, sequence_of(0, 100, 1), kPrefix));
  EXPECT_EQ(state.cached(sequence_of(1, 100, 1), kPrefix).blocks, 0);
}

// A block can be found as soon as its computation is scheduled: 40 of 100 tokens fill 2.
TEST(PrefixCache, FindsWhatIsBeingComputed) {
  BatchState state(limits_of(50));
  state.arrive(sequence_of(0, 100, 1), kPrefix, false);
  const Slot slot = state.admit({});
  state.grow(slot, 40);
  StepPlan plan;
  state.schedule_chunk(slot, 40, plan);
  const CachedPrefix found = state.cached(sequence_of(1, 100, 1), kPrefix);
  EXPECT_EQ(found.blocks, 2);
  EXPECT_EQ(found.unheld, 0);
}

// 64 tokens, 4 blocks in two runs. Given back, their queue is: 6 that were never used, then the
// second run, then the first; the seventh block taken is the last of the second run.
TEST(PrefixCache, LosesTheEndOfARunFirst) {
  BatchState state(limits_of(10));
  finish(state, run(state, sequence_of(0, 64, 1), kPrefix));
  EXPECT_EQ(state.pool().free(), 10);
  run(state, sequence_of(1, 7 * 16, 1), {});
  const CachedPrefix found = state.cached(sequence_of(2, 100, 1), kPrefix);
  EXPECT_EQ(found.blocks, 3);
  EXPECT_EQ(found.unheld, 3);
}

// The second holder needs only what it computes itself: 100 tokens are 7 blocks, 6 of them shared.
TEST(PrefixCache, SharesBlocksBetweenTwoHolders) {
  BatchState state(limits_of(8));
  const Slot first = run(state, sequence_of(0, 100, 1), kPrefix);
  const Slot second = run(state, sequence_of(1, 100, 1), kPrefix);
  EXPECT_EQ(state.pool().held(), 8);
  EXPECT_EQ(state.at(second).blocks, 7);
  EXPECT_EQ(state.at(second).computed, 100);
  finish(state, first);
  EXPECT_EQ(state.pool().held(), 7);
  EXPECT_EQ(state.cached(sequence_of(2, 100, 1), kPrefix).unheld, 0);
  finish(state, second);
  EXPECT_EQ(state.pool().held(), 0);
  EXPECT_EQ(state.cached(sequence_of(2, 100, 1), kPrefix).unheld, 6);
}

// 40 tokens of prompt and 11 answered, 50 of them computed: 3 full blocks are found again, and 51
// tokens are to be computed.
TEST(PrefixCache, FindsItsOwnBlocksBehindAPreemption) {
  BatchState state(limits_of(10));
  const Slot slot = run(state, sequence_of(0, 40, 100), {});
  state.grow(slot, 50);
  state.decode_all(10);
  state.preempt(slot, false);
  EXPECT_EQ(state.pool().held(), 0);
  const CachedPrefix found = state.cached(slot);
  EXPECT_EQ(found.blocks, 3);
  EXPECT_EQ(found.unheld, 3);
  EXPECT_EQ(run_next(state), slot);
  EXPECT_EQ(state.at(slot).blocks, 4);
  EXPECT_EQ(state.pool().held(), 4);
  // Nobody else finds them, and they are gone with the sequence.
  EXPECT_EQ(state.cached(sequence_of(1, 40, 1), {}).blocks, 0);
  finish(state, slot);
  EXPECT_EQ(state.pool().held(), 0);
}

// Two have the same prompt. The first has computed 32 tokens, so that the second takes these and
// computes the rest itself; it is preempted with 4 blocks of its own beyond them. When the first
// has computed 32 more, the second finds 4 blocks that the first holds, and takes those: not a free
// one.
TEST(PrefixCache, TakesWhatItFoundOfOthersNotWhatItLeft) {
  BatchState state(limits_of(50));
  StepPlan plan;
  state.arrive(sequence_of(0, 100, 5), kPrefix, false);
  const Slot first = state.admit({});
  state.grow(first, 100);
  state.schedule_chunk(first, 32, plan);
  const Slot second = run(state, sequence_of(1, 100, 5), kPrefix);
  EXPECT_EQ(state.at(second).blocks, 7);
  state.preempt(second, false);
  state.schedule_chunk(first, 32, plan);
  const CachedPrefix cached = state.cached(state.waiting().front());
  EXPECT_EQ(cached.blocks, 4);
  EXPECT_EQ(cached.unheld, 0);
  const std::int64_t free = state.pool().free();
  state.admit(cached);
  EXPECT_EQ(state.pool().free(), free);
}

// 60 tokens fill 3 of 4 blocks. Two are taken: the one that was not full and the last of the
// others.
TEST(PrefixCache, LosesOwnBlocksThatOthersTake) {
  BatchState state(limits_of(4));
  Sequence patient = sequence_of(0, 60, 100);
  patient.priority = 1;
  const Slot slot = run(state, patient, {});
  state.preempt(slot, true);
  EXPECT_EQ(state.cached(slot).blocks, 3);
  state.arrive(sequence_of(1, 20, 1), {}, true);
  run_next(state);
  EXPECT_EQ(state.cached(slot).blocks, 2);
}

/// Sequences of four families come, decode, are preempted and finish at random.
class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed) : random_(seed), state_(limits_of(60)) {
    for (std::size_t family = 0; family < hashes_.size(); ++family) {
      for (std::size_t i = 0; i < hashes_[family].size(); ++i)
        hashes_[family][i] = i < 2 ? 100 + i : 1'000 * family + i;  // two blocks are common to all
    }
  }

  void turn() {
    const std::uint64_t what = random_() % 5;
    if (what == 0 && state_.waiting().size() < 5) {
      const auto tokens = static_cast<std::int64_t>(random_() % 300 + 1);
      state_.arrive(sequence_of(next_++, tokens, 1'000), {hashes_[random_() % 4], 48}, false);
    } else if (what == 1) {
      admit();
    } else if (state_.running().empty()) {
      return;
    } else if (what == 2) {
      const std::int64_t steps = state_.steps_that_fit(static_cast<std::int64_t>(random_() % 9));
      state_.decode_all(steps);
    } else if (what == 3) {
      state_.preempt(any(), false);
    } else {
      finish(state_, any());
    }
  }
  /// No fewer blocks are held than by one sequence, and no more than by all; of a hash of 3 blocks
  /// what another has computed behind those that one found stays with it.
  void check() const {
    std::int64_t most = 0;
    std::int64_t all = 0;
    for (const Slot slot : state_.running()) {
      const Sequence& sequence = state_.at(slot);
      ASSERT_EQ(sequence.blocks, state_.blocks_of(sequence.computed));
      most = std::max(most, sequence.blocks);
      all += sequence.blocks + 2;
    }
    ASSERT_GE(state_.pool().held(), most);
    ASSERT_LE(state_.pool().held(), all);
  }
  void finish_all() {
    while (!state_.running().empty()) finish(state_, state_.running().front());
  }
  [[nodiscard]] std::int64_t held() const { return state_.pool().held(); }
  [[nodiscard]] std::int64_t found() const { return found_; }

 private:
  void admit() {
    if (state_.waiting().empty()) return;
    const Slot next = state_.waiting().front();
    const CachedPrefix cached = state_.cached(next);
    if (!state_.fits(cached, state_.at(next).target)) return;
    found_ += cached.blocks;
    run_next(state_);
  }
  Slot any() { return state_.running()[random_() % state_.running().size()]; }

  std::mt19937_64 random_;
  BatchState state_;
  std::array<std::array<std::uint64_t, 8>, 4> hashes_{};
  std::uint32_t next_ = 0;
  std::int64_t found_ = 0;
};

TEST(PrefixCache, NeitherLosesNorInventsBlocks) {
  std::int64_t found = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomLife life(seed);
    for (int i = 0; i < 300; ++i) {
      life.turn();
      life.check();
      if (testing::Test::HasFatalFailure()) return;
    }
    life.finish_all();
    ASSERT_EQ(life.held(), 0);
    found += life.found();
  }
  EXPECT_GT(found, 10'000);
}

}  // namespace
}  // namespace rigsim::workloads
