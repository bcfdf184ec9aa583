#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sim/units.h"

namespace rigsim::sim {

/// Events waiting for their time. The order is total: by time, then in the order of scheduling.
/// A 4-ary heap (LaMarca and Ladner, The influence of caches on the performance of heaps, 1996).
/// `Sequence` numbers the events of one queue; 32 bits suffice where fewer than 2^32 are ever
/// scheduled.
template <class Payload, class Sequence = std::uint64_t>
class EventQueue {
 public:
  struct Event {
    Time time;
    Sequence sequence;
    Payload payload;
  };

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::size_t size() const { return heap_.size(); }
  void reserve(std::size_t events) { heap_.reserve(events); }
  [[nodiscard]] std::size_t memory_bytes() const { return heap_.capacity() * sizeof(Event); }

  /// Forgets all events and numbers from 0 again; keeps the memory.
  void clear() {
    heap_.clear();
    next_sequence_ = 0;
  }

  /// The earliest event; the queue must not be empty.
  [[nodiscard]] const Event& top() const { return heap_.front(); }

  /// Takes a place in the order of scheduling for something that waits elsewhere.
  Sequence take_sequence() { return next_sequence_++; }

  /// Schedules `payload` for `time`.
  void push(Time time, Payload payload) { push(time, take_sequence(), std::move(payload)); }

  /// Schedules `payload` for `time` at a place taken before.
  void push(Time time, Sequence sequence, Payload payload) {
    heap_.push_back({time, sequence, std::move(payload)});
    sift_up(heap_.size() - 1);
  }

  /// Removes and returns the earliest event. Throws std::logic_error when there is none.
  Event pop() {
    if (heap_.empty()) throw std::logic_error("pop from an empty event queue");
    Event first = std::move(heap_.front());
    Event last = std::move(heap_.back());
    heap_.pop_back();
    if (!heap_.empty()) sift_down(std::move(last));
    return first;
  }

 private:
  static constexpr std::size_t kArity = 4;

  static bool before(const Event& a, const Event& b) {
    return a.time != b.time ? a.time < b.time : a.sequence < b.sequence;
  }

  void sift_up(std::size_t hole) {
    Event moving = std::move(heap_[hole]);
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / kArity;
      if (!before(moving, heap_[parent])) break;
      heap_[hole] = std::move(heap_[parent]);
      hole = parent;
    }
    heap_[hole] = std::move(moving);
  }

  std::size_t earliest_child(std::size_t first, std::size_t size) const {
    if (first + kArity <= size) {
      const std::size_t left = first + before(heap_[first + 1], heap_[first]);
      const std::size_t right = first + 2 + before(heap_[first + 3], heap_[first + 2]);
      return before(heap_[right], heap_[left]) ? right : left;
    }
    std::size_t best = first;
    for (std::size_t child = first + 1; child < size; ++child) {
      if (before(heap_[child], heap_[best])) best = child;
    }
    return best;
  }

  // Moves the hole at the root down to where `moving` belongs.
  void sift_down(Event moving) {
    const std::size_t size = heap_.size();
    std::size_t hole = 0;
    for (std::size_t first = 1; first < size; first = hole * kArity + 1) {
      const std::size_t child = earliest_child(first, size);
      if (!before(heap_[child], moving)) break;
      heap_[hole] = std::move(heap_[child]);
      hole = child;
    }
    heap_[hole] = std::move(moving);
  }

  std::vector<Event> heap_;
  Sequence next_sequence_ = 0;
};

}  // namespace rigsim::sim
