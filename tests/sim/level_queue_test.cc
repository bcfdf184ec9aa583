#include "sim/level_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <random>

namespace rigsim::sim {
namespace {

// The least level that waits, by item.
double least(const std::map<std::uint32_t, double>& waiting) {
  double level = std::numeric_limits<double>::infinity();
  for (const auto& [item, its] : waiting) level = std::min(level, its);
  return level;
}

TEST(LevelQueue, GivesTheLeastWithinItsPrecision) {
  constexpr std::uint32_t kItems = 300;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> exponent(-2, 13);
  LevelQueue queue(kItems);
  std::map<std::uint32_t, double> waiting;
  for (int turn = 0; turn < 20'000; ++turn) {
    const auto item = static_cast<std::uint32_t>(random() % kItems);
    ASSERT_EQ(queue.waits(item), waiting.contains(item));
    if (!queue.waits(item)) {
      waiting[item] = std::pow(10.0, exponent(random));
      queue.push(item, waiting[item]);
    }
    if (random() % 3 == 0) {
      const std::uint32_t taken = queue.pop();
      ASSERT_TRUE(waiting.contains(taken));
      EXPECT_LE(waiting[taken], least(waiting) * (1 + 1.0 / 128));
      waiting.erase(taken);
    }
    ASSERT_EQ(queue.empty(), waiting.empty());
  }
}

TEST(LevelQueue, TakesInfinityLastAndTheLatestOfEqualOnesFirst) {
  LevelQueue queue(4);
  queue.push(0, std::numeric_limits<double>::infinity());
  queue.push(1, 5);
  queue.push(2, 5);
  queue.push(3, 1e-300);  // below the range: first all the same
  EXPECT_EQ(queue.pop(), 3U);
  EXPECT_EQ(queue.pop(), 2U);
  EXPECT_EQ(queue.pop(), 1U);
  EXPECT_EQ(queue.pop(), 0U);
  EXPECT_TRUE(queue.empty());
}

TEST(LevelQueue, ForgetsAllWhenCleared) {
  LevelQueue queue(2);
  queue.push(1, 3);
  queue.clear();
  EXPECT_TRUE(queue.empty());
  EXPECT_FALSE(queue.waits(1));
  queue.push(1, 4);
  EXPECT_EQ(queue.pop(), 1U);
}

}  // namespace
}  // namespace rigsim::sim
