#include "sim/earliest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace rigsim::sim {
namespace {

TEST(Earliest, IsNeverWhenNothingIsSet) {
  Earliest earliest;
  EXPECT_EQ(earliest.min(), Earliest::kNever);
  earliest.reserve(40);
  EXPECT_EQ(earliest.min(), Earliest::kNever);
}

TEST(Earliest, NamesTheLowestSlotOfTheSmallest) {
  Earliest earliest;
  earliest.reserve(100);
  earliest.set(99, 7);
  earliest.set(40, 7);
  earliest.set(41, 8);
  EXPECT_EQ(earliest.min(), 7);
  EXPECT_EQ(earliest.slot_of_min(), 40U);
  earliest.set(40, 9);
  EXPECT_EQ(earliest.slot_of_min(), 99U);
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
      ASSERT_EQ(earliest.slot_of_min(), static_cast<std::size_t>(first - all.begin()));
    }
  }
}

}  // namespace
}  // namespace rigsim::sim
