#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace rigsim::sim {

/// Numbers 0..n-1 waiting under a key each, smallest key first; ties in an order that depends only
/// on the calls made. A binary heap that knows where each number stands, so that keys can be
/// lowered.
class IndexedHeap {
 public:
  explicit IndexedHeap(std::size_t numbers) : key_(numbers), place_(numbers, kNowhere) {
    heap_.reserve(numbers);
  }

  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] std::uint32_t top() const { return heap_.front(); }
  [[nodiscard]] double top_key() const { return key_[heap_.front()]; }
  [[nodiscard]] bool contains(std::uint32_t number) const { return place_[number] != kNowhere; }

  /// Puts `number` in under `key`, or lowers its key to that; a lower key stays.
  void insert_or_lower(std::uint32_t number, double key) {
    if (!contains(number)) {
      heap_.push_back(number);
      place_[number] = static_cast<std::uint32_t>(heap_.size() - 1);
    } else if (key >= key_[number]) {
      return;
    }
    key_[number] = key;
    sift_up(place_[number]);
  }

  /// Raises the key of the first number; the heap must not be empty.
  void raise_top(double key) {
    key_[heap_.front()] = key;
    sift_down(0);
  }

  /// Removes the first number; the heap must not be empty.
  void pop() {
    place_[heap_.front()] = kNowhere;
    const std::uint32_t last = heap_.back();
    heap_.pop_back();
    if (heap_.empty()) return;
    if (place_[last] == kNowhere) return;  // it was the only one
    put(0, last);
    sift_down(0);
  }

  void clear() {
    for (const std::uint32_t number : heap_) place_[number] = kNowhere;
    heap_.clear();
  }

  /// The smallest key after the first; infinity when there is none.
  [[nodiscard]] double second_key() const {
    double key = std::numeric_limits<double>::infinity();
    if (heap_.size() > 1) key = key_[heap_[1]];
    if (heap_.size() > 2 && key_[heap_[2]] < key) key = key_[heap_[2]];
    return key;
  }

 private:
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;

  void put(std::size_t place, std::uint32_t number) {
    heap_[place] = number;
    place_[number] = static_cast<std::uint32_t>(place);
  }

  void sift_up(std::size_t place) {
    const std::uint32_t moving = heap_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / 2;
      if (!(key_[moving] < key_[heap_[parent]])) break;
      put(place, heap_[parent]);
      place = parent;
    }
    put(place, moving);
  }

  void sift_down(std::size_t place) {
    const std::uint32_t moving = heap_[place];
    for (std::size_t child = 2 * place + 1; child < heap_.size(); child = 2 * place + 1) {
      if (child + 1 < heap_.size() && key_[heap_[child + 1]] < key_[heap_[child]]) ++child;
      if (!(key_[heap_[child]] < key_[moving])) break;
      put(place, heap_[child]);
      place = child;
    }
    put(place, moving);
  }

  std::vector<std::uint32_t> heap_;
  std::vector<double> key_;
  std::vector<std::uint32_t> place_;
};

}  // namespace rigsim::sim
