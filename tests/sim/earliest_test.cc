#include "sim/earliest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace rigsim::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Earliest, IsNeverWhenNothingIsSet) {
  Earliest earliest;
  EXPECT_EQ(earliest.min(), Earliest::kNever);
  earliest.reserve(40);
  EXPECT_EQ(earliest.min(), Earliest::kNever);
}

std::vector<std::size_t> taken(Earliest& earliest, std::int64_t value) {
  std::vector<std::size_t> slots;
  earliest.take(value, [&](std::size_t slot) { slots.push_back(slot); });
  return slots;
}

TEST(Earliest, GivesUpTheSlotsOfTheSmallestLowestFirst) {
  Earliest earliest;
  earliest.reserve(1000);
  for (const std::size_t slot : {999U, 40U, 32U, 500U}) earliest.set(slot, 7);
  earliest.set(41, 8);
  EXPECT_THAT(taken(earliest, 8), IsEmpty());
  EXPECT_THAT(taken(earliest, 7), ElementsAre(32U, 40U, 500U, 999U));
  EXPECT_EQ(earliest.min(), 8);
  EXPECT_THAT(taken(earliest, 8), ElementsAre(41U));
  EXPECT_EQ(earliest.min(), Earliest::kNever);
}

TEST(Earliest, AgreesWithASearchThroughAllSlotsAsItGrows) {
  std::mt19937_64 random(3);
  Earliest earliest;
  std::vector<std::int64_t> all;
  for (const std::size_t slots : {1U, 16U, 17U, 300U, 5'000U}) {
    earliest.reserve(slots);
    all.resize(slots, Earliest::kNever);
    for (int change = 0; change < 2'000; ++change) {
      const std::size_t slot = random() % slots;
      all[slot] = static_cast<std::int64_t>(random() % 1'000);
      earliest.set(slot, all[slot]);
      if (change % 7 != 0) continue;
      const auto first = std::ranges::min_element(all);
      ASSERT_EQ(earliest.min(), *first);
      if (change % 70 != 0) continue;
      const std::int64_t smallest = *first;
      for (const std::size_t at : taken(earliest, smallest)) {
        ASSERT_EQ(all[at], smallest);
        all[at] = Earliest::kNever;
      }
      ASSERT_EQ(std::ranges::count(all, smallest), 0);
    }
  }
}

}  // namespace
}  // namespace rigsim::sim
