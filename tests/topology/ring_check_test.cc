#include "topology/ring_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

namespace rigsim::topology {
namespace {

using Links = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

std::vector<std::uint32_t> masks(std::size_t nodes, const Links& links) {
  std::vector<std::uint32_t> out(nodes);
  for (const auto& [a, b] : links) {
    out[a] |= 1U << b;
    out[b] |= 1U << a;
  }
  return out;
}

TEST(RingCheck, FindsRingsAndTheirLack) {
  EXPECT_TRUE(has_ring(masks(2, {{0, 1}})));
  EXPECT_FALSE(has_ring(masks(2, {})));
  EXPECT_TRUE(has_ring(masks(4, {{0, 1}, {1, 2}, {2, 3}, {3, 0}})));
  EXPECT_FALSE(has_ring(masks(4, {{0, 1}, {1, 2}, {2, 3}})));  // a chain
  EXPECT_FALSE(has_ring(masks(6, {{0, 1}, {1, 2}, {2, 0}, {3, 4}, {4, 5}, {5, 3}})));
  // Two triangles with a node in common, which a ring would pass twice.
  EXPECT_FALSE(has_ring(masks(5, {{0, 1}, {1, 2}, {2, 0}, {2, 3}, {3, 4}, {4, 2}})));
}

bool has_ring_by_all_orders(const std::vector<std::uint32_t>& neighbours) {
  std::vector<std::uint32_t> order(neighbours.size());
  std::iota(order.begin(), order.end(), 0U);
  do {
    bool ring = true;
    for (std::size_t i = 0; i < order.size() && ring; ++i)
      ring = (neighbours[order[i]] >> order[(i + 1) % order.size()] & 1U) != 0;
    if (ring) return true;
  } while (std::next_permutation(order.begin() + 1, order.end()));
  return false;
}

TEST(RingCheck, AgreesWithTryingAllOrders) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t nodes = 3 + random() % 5;
    Links links;
    for (std::uint32_t a = 0; a < nodes; ++a)
      for (std::uint32_t b = 0; b < a; ++b)
        if (random() % 2 == 0) links.emplace_back(a, b);
    const auto neighbours = masks(nodes, links);
    EXPECT_EQ(has_ring(neighbours), has_ring_by_all_orders(neighbours)) << "round " << round;
  }
}

}  // namespace
}  // namespace rigsim::topology
