#include "workloads/overlap.h"

#include <gtest/gtest.h>

#include <random>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

using sim::Duration;

sim::Time at(std::int64_t ps) { return sim::Time(Duration(ps)); }

// Device 0 computes 0-10, device 1 20-30. A copy from 0 to 1 at 5-25 is under computation 5-10 and
// 20-25: 10 of its 20 ps are hidden.
TEST(Overlap, ACopyIsHiddenWhileItsSourceOrDestinationComputes) {
  const std::vector<DeviceWork> work{{0, at(0), at(10)}, {1, at(20), at(30)}};
  const std::vector<DeviceCopy> copies{{0, 1, at(5), at(25), true}};
  const Overlap overlap = overlap_of(work, copies, 2);
  EXPECT_EQ(overlap.copies, Duration(20));
  EXPECT_EQ(overlap.hidden, Duration(10));
  EXPECT_EQ(overlap.exposed, Duration(20));
  EXPECT_EQ(overlap.devices[0].computing, Duration(10));
  EXPECT_EQ(overlap.devices[0].copying, Duration(20));
  EXPECT_EQ(overlap.devices[0].both, Duration(5));
  EXPECT_EQ(overlap.devices[1].both, Duration(5));
}

// Both ends compute at 0-10 and another device all the time: what both hide counts once.
TEST(Overlap, OnlyItsTwoEndsHideACopyAndOnlyOnce) {
  const std::vector<DeviceWork> work{{0, at(0), at(10)}, {1, at(0), at(10)}, {2, at(0), at(40)}};
  const std::vector<DeviceCopy> copies{{0, 1, at(0), at(20)}, {std::nullopt, 1, at(8), at(18)}};
  const Overlap overlap = overlap_of(work, copies, 3);
  EXPECT_EQ(overlap.copies, Duration(30));
  EXPECT_EQ(overlap.hidden, Duration(12));
  EXPECT_EQ(overlap.exposed, Duration(0));
  EXPECT_EQ(overlap.devices[1].copying,
            Duration(20));  // two copies at once: one copy stream's time
}

TEST(Overlap, Adds) {
  const std::vector<DeviceWork> work{{0, at(0), at(10)}};
  const std::vector<DeviceCopy> copies{{0, std::nullopt, at(5), at(15), true}};
  Overlap sum;
  sum += overlap_of(work, copies, 1);
  sum += overlap_of(work, copies, 1);
  EXPECT_EQ(sum.copies, Duration(20));
  EXPECT_EQ(sum.hidden, Duration(10));
  EXPECT_EQ(sum.exposed, Duration(20));
  EXPECT_EQ(sum.devices[0].both, Duration(10));
}

// Against a look at every picosecond.
TEST(Overlap, AgreesWithCountingPicoseconds) {
  constexpr int kEnd = 100;
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    std::mt19937_64 random(seed);
    const auto span = [&](auto& each) {
      const auto begin = static_cast<std::int64_t>(random() % kEnd);
      each.begin = at(begin);
      each.end = at(begin + static_cast<std::int64_t>(random() >> 1) % (kEnd - begin));
    };
    std::vector<DeviceWork> work(random() % 8);
    for (DeviceWork& each : work) {
      each.device = static_cast<std::uint32_t>(random() % 3);
      span(each);
    }
    std::vector<DeviceCopy> copies(random() % 8);
    for (DeviceCopy& copy : copies) {
      copy.source = static_cast<std::uint32_t>(random() % 3);
      if (random() % 2 == 0) copy.destination = static_cast<std::uint32_t>(random() % 3);
      span(copy);
    }
    std::int64_t hidden = 0;
    for (int t = 0; t < kEnd; ++t) {
      const auto runs = [&](const auto& each) { return each.begin <= at(t) && at(t) < each.end; };
      for (const DeviceCopy& copy : copies) {
        if (!runs(copy)) continue;
        bool computes = false;
        for (const DeviceWork& each : work) {
          computes = computes || (runs(each) &&
                                  (each.device == copy.source || each.device == copy.destination));
        }
        hidden += computes;
      }
    }
    ASSERT_EQ(overlap_of(work, copies, 3).hidden, Duration(hidden)) << "seed " << seed;
  }
}

TEST(Overlap, RefusesDevicesThatDoNotExistAndTimeThatRunsBackwards) {
  const std::vector<DeviceWork> elsewhere{{2, at(0), at(1)}};
  const std::vector<DeviceWork> backwards{{0, at(1), at(0)}};
  const std::vector<DeviceCopy> to_elsewhere{{0, 2, at(0), at(1)}};
  EXPECT_THROW((void)overlap_of(elsewhere, {}, 2), std::invalid_argument);
  EXPECT_THROW((void)overlap_of(backwards, {}, 2), std::invalid_argument);
  EXPECT_THROW((void)overlap_of({}, to_elsewhere, 2), std::invalid_argument);
}

}  // namespace
}  // namespace rigsim::workloads
