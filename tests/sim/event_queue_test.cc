#include "sim/event_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/sim/op_log.h"

namespace rigsim::sim {
namespace {

using testing::ElementsAre;

template <class Payload>
std::vector<Payload> drain(EventQueue<Payload>& queue) {
  std::vector<Payload> all;
  while (!queue.empty()) all.push_back(queue.pop().payload);
  return all;
}

TEST(EventQueue, GivesTheEarliestFirst) {
  EventQueue<std::string> queue;
  queue.push(at(30), "c");
  queue.push(at(10), "a");
  queue.push(at(-5), "before");
  queue.push(at(20), "b");
  EXPECT_EQ(queue.size(), 4U);
  EXPECT_EQ(queue.top().time, at(-5));
  EXPECT_THAT(drain(queue), ElementsAre("before", "a", "b", "c"));
}

TEST(EventQueue, GivesEventsOfOneTimeInTheOrderOfScheduling) {
  EventQueue<int> queue;
  for (int i = 0; i < 100; ++i) queue.push(at(7), i);
  std::vector<int> expected(100);
  for (int i = 0; i < 100; ++i) expected[i] = i;
  EXPECT_EQ(drain(queue), expected);
}

TEST(EventQueue, KeepsAPlaceForWhatWaitsElsewhere) {
  EventQueue<int> queue;
  queue.push(at(1), 0);
  EXPECT_EQ(queue.take_sequence(), 1U);
  queue.push(at(1), 2);
  EXPECT_EQ(queue.pop().sequence, 0U);
  EXPECT_EQ(queue.pop().sequence, 2U);
}

TEST(EventQueue, NumbersFromZeroAgainWhenCleared) {
  EventQueue<int> queue;
  queue.push(at(1), 5);
  queue.clear();
  EXPECT_TRUE(queue.empty());
  queue.push(at(1), 6);
  EXPECT_EQ(queue.top().sequence, 0U);
}

TEST(EventQueue, RefusesToGiveWhatItDoesNotHave) {
  EventQueue<int> queue;
  EXPECT_THROW(queue.pop(), std::logic_error);
}

TEST(EventQueue, TakesPayloadsThatOnlyMove) {
  EventQueue<std::unique_ptr<int>> queue;
  for (const int i : {3, 1, 2}) queue.push(at(i), std::make_unique<int>(i));
  EXPECT_EQ(*queue.pop().payload, 1);
  EXPECT_EQ(*queue.pop().payload, 2);
  EXPECT_EQ(*queue.pop().payload, 3);
}

// Against a sorted list, with pushes and pops mixed and many equal times.
TEST(EventQueue, AgreesWithAStableSort) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    EventQueue<int> queue;
    std::vector<std::pair<Time, int>> list;
    for (int i = 0; i < 300; ++i) {
      if (random() % 3 != 0 || list.empty()) {
        const Time time = at(static_cast<std::int64_t>(random() % 20));
        queue.push(time, i);
        list.emplace_back(time, i);
        continue;
      }
      const auto first = std::ranges::min_element(list);
      const auto event = queue.pop();
      ASSERT_EQ(event.time, first->first);
      ASSERT_EQ(event.payload, first->second);
      list.erase(first);
    }
  }
}

}  // namespace
}  // namespace rigsim::sim
