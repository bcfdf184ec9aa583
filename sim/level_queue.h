#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rigsim::sim {

/// Items 0..n-1 that wait in the order of their level, a positive number, infinity included: least
/// first, up to a factor of 1 + 2^-kPrecision, last in first out within it. Levels below 2^-8
/// count as that, from 2^55 as infinity. Nothing allocates, and no operation depends on how many
/// wait.
class LevelQueue {
 public:
  explicit LevelQueue(std::size_t items)
      : first_(kBuckets, kNone), next_(items, kNone), waits_(items, 0) {}

  [[nodiscard]] bool empty() const { return words_[0] == 0 && words_[1] == 0; }
  [[nodiscard]] bool waits(std::uint32_t item) const { return waits_[item] != 0; }

  /// `item` must not wait.
  void push(std::uint32_t item, double level) {
    const std::uint32_t bucket = bucket_of(level);
    next_[item] = first_[bucket];
    first_[bucket] = item;
    waits_[item] = 1;
    used_[bucket / 64] |= std::uint64_t{1} << bucket % 64;
    words_[bucket / 4096] |= std::uint64_t{1} << bucket / 64 % 64;
  }

  /// Something must wait.
  std::uint32_t pop() {
    const std::size_t half = words_[0] == 0;
    const std::size_t word = 64 * half + std::countr_zero(words_[half]);
    const std::size_t bucket = 64 * word + std::countr_zero(used_[word]);
    const std::uint32_t item = first_[bucket];
    first_[bucket] = next_[item];
    waits_[item] = 0;
    if (first_[bucket] == kNone) {
      used_[word] &= used_[word] - 1;
      if (used_[word] == 0) words_[half] &= words_[half] - 1;
    }
    return item;
  }

  void clear() {
    while (!empty()) pop();
  }

  /// Bytes held beside the object, by capacity.
  [[nodiscard]] std::size_t memory_bytes() const {
    return (first_.capacity() + next_.capacity()) * sizeof(std::uint32_t) + waits_.capacity();
  }

 private:
  static constexpr int kPrecision = 7;
  static constexpr std::uint64_t kLowest = (1023ULL - 8) << kPrecision;
  static constexpr std::uint64_t kBuckets = 64 << kPrecision;
  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

  // The leading bits of a positive double order as the numbers do.
  static std::uint32_t bucket_of(double level) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(level) >> (52 - kPrecision);
    return static_cast<std::uint32_t>(std::clamp(bits, kLowest, kLowest + kBuckets - 1) - kLowest);
  }

  std::vector<std::uint32_t> first_;  // by bucket
  std::vector<std::uint32_t> next_;   // by item
  std::vector<std::uint8_t> waits_;   // by item
  std::uint64_t used_[kBuckets / 64] = {};
  std::uint64_t words_[2] = {};
};

}  // namespace rigsim::sim
