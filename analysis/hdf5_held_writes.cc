#include "analysis/hdf5_held_writes.h"

#include <algorithm>
#include <utility>

namespace rigsim::analysis {

void HeldWrites::put(std::uint64_t address, std::span<const std::byte> bytes, int rank) {
  if (bytes.empty()) return;
  cut(address, address + bytes.size());
  ranges_.insert_or_assign(address, Range{{bytes.begin(), bytes.end()}, rank});
}

// Removes [begin, end) from the ranges held, keeping the ends of those that stick out.
void HeldWrites::cut(std::uint64_t begin, std::uint64_t end) {
  auto it = ranges_.lower_bound(begin);
  if (it != ranges_.begin()) --it;
  while (it != ranges_.end() && it->first < end) {
    const std::uint64_t first = it->first;
    const std::uint64_t last = first + it->second.bytes.size();
    if (last <= begin) {
      ++it;
      continue;
    }
    Range old = std::move(it->second);
    it = ranges_.erase(it);
    const auto bytes = std::span<const std::byte>(old.bytes);
    if (first < begin) {
      const auto head = bytes.first(begin - first);
      ranges_.emplace(first, Range{{head.begin(), head.end()}, old.rank});
    }
    if (last > end) {
      const auto tail = bytes.last(last - end);
      ranges_.emplace(end, Range{{tail.begin(), tail.end()}, old.rank});
    }
  }
}

void HeldWrites::overlay(std::uint64_t address, std::span<std::byte> out) const {
  const std::uint64_t end = address + out.size();
  auto it = ranges_.lower_bound(address);
  if (it != ranges_.begin()) --it;
  for (; it != ranges_.end() && it->first < end; ++it) {
    const std::uint64_t first = std::max(it->first, address);
    const std::uint64_t last = std::min(it->first + it->second.bytes.size(), end);
    if (first >= last) continue;
    const auto source = std::span(it->second.bytes).subspan(first - it->first, last - first);
    std::ranges::copy(source, out.begin() + static_cast<std::ptrdiff_t>(first - address));
  }
}

std::vector<HeldWrites::Write> HeldWrites::in_order() const {
  std::vector<Write> writes;
  writes.reserve(ranges_.size());
  for (const auto& [address, range] : ranges_) writes.push_back({address, &range});
  std::ranges::sort(writes, [](const Write& a, const Write& b) {
    return std::pair(a.range->rank, b.address) < std::pair(b.range->rank, a.address);
  });
  return writes;
}

}  // namespace rigsim::analysis
