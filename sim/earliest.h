#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace rigsim::sim {

/// The smallest of many numbers that change often, most of them between two questions: blocks of 16
/// keep their minimum, blocks of blocks theirs; a change only marks its block, a question refreshes
/// what is marked.
class Earliest {
 public:
  /// What a slot holds that is not set.
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

  /// Room for slots 0..slots-1, each `kNever` until set.
  void reserve(std::size_t slots) {
    if (!levels_.empty() && slots <= levels_.front().value.size()) return;
    std::vector<std::int64_t> values;
    if (!levels_.empty()) values = std::move(levels_.front().value);
    levels_.clear();
    known_ = false;
    std::size_t blocks = std::max<std::size_t>((slots + kFan - 1) / kFan, 1);
    for (;; blocks = (blocks + kFan - 1) / kFan) {
      levels_.push_back({std::vector<std::int64_t>(blocks * kFan, kNever),
                         std::vector<std::uint8_t>(blocks, 0),
                         {}});
      levels_.back().marked_blocks.reserve(blocks);
      if (blocks == 1) break;
    }
    for (std::size_t slot = 0; slot < values.size(); ++slot) {
      if (values[slot] != kNever) set(slot, values[slot]);
    }
  }

  void set(std::size_t slot, std::int64_t value) {
    known_ = false;
    put(levels_.front(), slot, value);
  }

  /// The smallest value; `kNever` when no slot is set.
  [[nodiscard]] std::int64_t min() {
    if (known_) return min_;
    if (levels_.empty()) return kNever;
    for (std::size_t i = 0; i + 1 < levels_.size(); ++i) {
      for (const std::uint32_t block : levels_[i].marked_blocks) {
        levels_[i].marked[block] = 0;
        const std::int64_t smallest = min_of(levels_[i], block);
        if (levels_[i + 1].value[block] != smallest) put(levels_[i + 1], block, smallest);
      }
      levels_[i].marked_blocks.clear();
    }
    Level& root = levels_.back();
    root.marked_blocks.clear();
    root.marked[0] = 0;
    known_ = true;
    return min_ = min_of(root, 0);
  }

  /// If `value` is the smallest: unsets all slots that hold it, and calls `taken(slot)` for each,
  /// the lowest first.
  template <class Taken>
  void take(std::int64_t value, Taken&& taken) {
    if (min() != value) return;
    known_ = false;
    take_in(levels_.size() - 1, 0, value, taken);
  }

  [[nodiscard]] std::size_t memory_bytes() const {
    std::size_t bytes = 0;
    for (const Level& level : levels_) {
      bytes += level.value.capacity() * sizeof(std::int64_t) + level.marked.capacity() +
               level.marked_blocks.capacity() * sizeof(std::uint32_t);
    }
    return bytes;
  }

 private:
  static constexpr std::size_t kFan = 16;

  struct Level {
    std::vector<std::int64_t> value;
    std::vector<std::uint8_t> marked;
    std::vector<std::uint32_t> marked_blocks;
  };

  template <class Taken>
  void take_in(std::size_t level, std::size_t block, std::int64_t value, Taken& taken) {
    for (std::size_t slot = block * kFan; slot < (block + 1) * kFan; ++slot) {
      if (levels_[level].value[slot] != value) continue;
      if (level > 0) {
        take_in(level - 1, slot, value, taken);
      } else {
        put(levels_.front(), slot, kNever);
        taken(slot);
      }
    }
  }

  static void put(Level& level, std::size_t slot, std::int64_t value) {
    level.value[slot] = value;
    const std::size_t block = slot / kFan;
    if (level.marked[block]) return;
    level.marked[block] = 1;
    level.marked_blocks.push_back(static_cast<std::uint32_t>(block));
  }

  static std::int64_t min_of(const Level& level, std::size_t block) {
    const std::int64_t* value = level.value.data() + block * kFan;
    std::int64_t lane[4] = {value[0], value[1], value[2],
                            value[3]};  // independent: no waiting for each other
    for (std::size_t i = 4; i < kFan; i += 4) {
      for (std::size_t j = 0; j < 4; ++j) lane[j] = value[i + j] < lane[j] ? value[i + j] : lane[j];
    }
    return std::min(std::min(lane[0], lane[1]), std::min(lane[2], lane[3]));
  }

  std::vector<Level> levels_;
  bool known_ = false;  // min_ is the smallest
  std::int64_t min_ = kNever;
};

}  // namespace rigsim::sim
