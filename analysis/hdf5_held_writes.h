#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

namespace rigsim::analysis {

/// Bytes meant for a file but kept in memory for now: ranges that never overlap, newest content
/// wins. Each range keeps the rank it must be written in.
class HeldWrites {
 public:
  struct Range {
    std::vector<std::byte> bytes;
    int rank = 0;
  };
  struct Write {
    std::uint64_t address = 0;
    const Range* range = nullptr;
  };

  /// Replaces whatever is held for [address, address + bytes.size()).
  void put(std::uint64_t address, std::span<const std::byte> bytes, int rank);

  /// Copies what is held of [address, address + out.size()) over `out`; leaves the rest as it is.
  void overlay(std::uint64_t address, std::span<std::byte> out) const;

  /// Everything held, by rank ascending and address descending.
  [[nodiscard]] std::vector<Write> in_order() const;

  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  void clear() { ranges_.clear(); }

 private:
  void cut(std::uint64_t begin, std::uint64_t end);

  std::map<std::uint64_t, Range> ranges_;  // by first address
};

}  // namespace rigsim::analysis
