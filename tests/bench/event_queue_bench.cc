#include <benchmark/benchmark.h>

#include <cmath>
#include <queue>
#include <random>
#include <vector>

#include "sim/event_queue.h"
#include "tests/bench/compare.h"

namespace rigsim::bench {
namespace {

using sim::Duration;
using sim::Time;

constexpr int kHolds = 200'000;

// Exponential increments with a mean of 1 us, drawn beforehand.
std::vector<Duration> increments() {
  std::mt19937_64 random(1);
  std::vector<Duration> all;
  for (int i = 0; i < 4096; ++i) {
    const double uniform = (static_cast<double>(random() >> 11) + 0.5) * 0x1p-53;
    all.push_back(Duration(1 + static_cast<std::int64_t>(-1e6 * std::log(uniform))));
  }
  return all;
}

// std::priority_queue with the same total order, in the same interface.
class StandardQueue {
 public:
  struct Event {
    Time time;
    std::uint64_t sequence;
    std::uint32_t payload;
    bool operator<(const Event& other) const {
      return time != other.time ? time > other.time : sequence > other.sequence;
    }
  };

  void push(Time time, std::uint32_t payload) { events_.push({time, next_++, payload}); }
  Event pop() {
    const Event first = events_.top();
    events_.pop();
    return first;
  }

 private:
  std::priority_queue<Event> events_;
  std::uint64_t next_ = 0;
};

// The hold model (Jones, Communications of the ACM 29(4), 1986): take the earliest event, put it
// back later.
template <class Queue>
void hold(Queue& queue, const std::vector<Duration>& increment) {
  for (int i = 0; i < kHolds; ++i) {
    const auto event = queue.pop();
    queue.push(event.time + increment[i % increment.size()], event.payload);
  }
}

// Items are holds. The argument is the number of events in the queue.
void BM_EventQueueAgainstPriorityQueue(benchmark::State& state) {
  const std::vector<Duration> increment = increments();
  sim::EventQueue<std::uint32_t> queue;
  StandardQueue standard;
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(state.range(0)); ++i) {
    const Time time = Time{} + increment[(7 * i) % increment.size()];
    queue.push(time, i);
    standard.push(time, i);
  }
  compare(state, kHolds, [&] { hold(queue, increment); }, [&] { hold(standard, increment); });
  const auto ours = queue.pop();
  const auto theirs = standard.pop();
  if (state.iterations() > 0 && (ours.time != theirs.time || ours.payload != theirs.payload)) {
    state.SkipWithError("the two queues disagree");
  }
}
BENCHMARK(BM_EventQueueAgainstPriorityQueue)
    ->Arg(16)
    ->Arg(1'000)
    ->Arg(100'000)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rigsim::bench
