#include "topology/collective_steps.h"

#include <algorithm>
#include <bit>

namespace rigsim::topology {

sim::Bytes share_of(sim::Bytes size, std::size_t parts) {
  const auto count = static_cast<std::int64_t>(parts);
  return sim::Bytes(size.count() / count + (size.count() % count != 0 ? 1 : 0));
}

std::uint32_t ceil_log2(std::size_t n) { return static_cast<std::uint32_t>(std::bit_width(n - 1)); }

std::vector<Exchange> bruck_steps(std::uint32_t ranks) {
  std::vector<Exchange> steps;
  for (std::uint32_t distance = 1; distance < ranks; distance *= 2) {
    steps.push_back({distance, std::min(distance, ranks - distance)});
  }
  return steps;
}

std::vector<Exchange> pat_steps(std::uint32_t ranks, std::uint32_t limit) {
  std::vector<Exchange> steps;
  for (std::uint32_t distance = std::bit_ceil(ranks) / 2; distance > 0; distance /= 2) {
    // A rank holds the multiples of 2 x distance below `ranks`; those that stay below it once
    // `distance` is added are new to the other.
    std::uint32_t shares = (ranks - distance + 2 * distance - 1) / (2 * distance);
    for (; shares > 0; shares -= steps.back().shares) {
      steps.push_back({distance, std::min(shares, limit)});
    }
  }
  return steps;
}

std::vector<Exchange> bruck_all_to_all_steps(std::uint32_t ranks) {
  std::vector<Exchange> steps;
  for (std::uint32_t bit = 1; bit < ranks; bit *= 2) {
    const std::uint32_t whole = ranks / (2 * bit) * bit;
    const std::uint32_t rest = ranks % (2 * bit);
    steps.push_back({bit, whole + (rest > bit ? rest - bit : 0)});
  }
  return steps;
}

}  // namespace rigsim::topology
