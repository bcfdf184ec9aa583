#include "topology/double_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

namespace rigsim::topology {
namespace {

// The first n - 1 edges are the first tree's, the others the second's.
TEST(DoubleTree, ReachesEveryRankTwice) {
  for (std::uint32_t ranks = 2; ranks <= 130; ++ranks) {
    const DoubleTree tree(ranks);
    ASSERT_EQ(tree.edges().size(), 2 * (ranks - 1));
    for (const std::uint32_t first : {0U, ranks - 1}) {
      std::map<std::uint32_t, std::uint32_t> parent;
      for (std::uint32_t i = first; i < first + ranks - 1; ++i) {
        EXPECT_TRUE(parent.emplace(tree.edges()[i].child, tree.edges()[i].parent).second);
      }
      for (std::uint32_t rank = 0; rank < ranks; ++rank) {  // no circle: every walk up ends
        std::uint32_t steps = 0;
        for (std::uint32_t at = rank; parent.contains(at); at = parent[at]) ASSERT_LT(steps++, 32u);
      }
    }
  }
}

// Each rank sends and receives one message at most per round, the rounds in which something moves
// are as many as promised, and a rank has a chunk before it passes it on.
TEST(DoubleTree, KeepsEveryPortToOneMessagePerRound) {
  for (std::uint32_t ranks = 2; ranks <= 130; ++ranks) {
    const DoubleTree tree(ranks);
    for (const std::size_t chunks : {1U, 2U, 5U}) {
      for (const bool up : {true, false}) {
        std::set<std::pair<std::size_t, std::uint32_t>> sends;
        std::set<std::pair<std::size_t, std::uint32_t>> receives;
        std::set<std::size_t> rounds;
        for (const TreeEdge& edge : tree.edges()) {
          for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
            const std::size_t round = (up ? edge.up : edge.down) + tree.stride() * chunk;
            rounds.insert(round);
            EXPECT_TRUE(sends.emplace(round, up ? edge.child : edge.parent).second);
            EXPECT_TRUE(receives.emplace(round, up ? edge.parent : edge.child).second);
          }
        }
        const std::size_t expected = up ? tree.rounds_up(chunks) : tree.rounds_down(chunks);
        EXPECT_EQ(rounds.size(), expected) << ranks << " ranks, " << chunks << " chunks";
      }
    }
    for (std::size_t i = 0; i < tree.edges().size(); ++i) {
      for (std::size_t j = 0; j < tree.edges().size(); ++j) {
        const bool same_tree = (i < ranks - 1) == (j < ranks - 1);
        if (!same_tree || tree.edges()[i].child != tree.edges()[j].parent) continue;
        EXPECT_LT(tree.edges()[j].up, tree.edges()[i].up);
        EXPECT_LT(tree.edges()[i].down, tree.edges()[j].down);
      }
    }
  }
}

// One or two rounds per level: at most 2 ceil(log2 n) and one to get in step.
TEST(DoubleTree, IsAsDeepAsTheLogarithm) {
  for (std::uint32_t ranks = 2, log = 1; ranks <= 70'000; ranks = 2 * ranks - 1, ++log) {
    const DoubleTree tree(ranks);
    EXPECT_LE(tree.rounds_up(1), 2 * log + 1) << ranks;
    EXPECT_LE(tree.rounds_down(1), 2 * log + 1) << ranks;
    EXPECT_LE(tree.busiest_port(), 4u);
  }
}

TEST(DoubleTree, NeedsTwoRanks) { EXPECT_THROW(DoubleTree(1), std::invalid_argument); }

}  // namespace
}  // namespace rigsim::topology
