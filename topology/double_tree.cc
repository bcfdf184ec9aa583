#include "topology/double_tree.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <set>
#include <stdexcept>
#include <utility>

namespace rigsim::topology {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

// By rank; kNone for the root, rank 0.
std::vector<std::uint32_t> parents_of_first_tree(std::uint32_t ranks) {
  std::vector<std::uint32_t> parent(ranks, kNone);
  for (std::uint32_t rank = 1; rank < ranks; ++rank) {
    const std::uint32_t lowest = rank & (~rank + 1);
    const std::uint32_t above = (rank ^ lowest) | (lowest << 1);
    parent[rank] = above < ranks ? above : rank ^ lowest;
  }
  return parent;
}

std::vector<std::uint32_t> parents_of_second_tree(const std::vector<std::uint32_t>& first) {
  const auto ranks = static_cast<std::uint32_t>(first.size());
  const bool mirror = ranks % 2 == 0;
  std::vector<std::uint32_t> parent(ranks, kNone);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    const std::uint32_t image = mirror ? ranks - 1 - rank : (rank + 1) % ranks;
    if (first[rank] == kNone) continue;
    parent[image] = mirror ? ranks - 1 - first[rank] : (first[rank] + 1) % ranks;
  }
  return parent;
}

std::uint32_t depth(const std::vector<std::uint32_t>& parent, std::uint32_t rank) {
  std::uint32_t steps = 0;
  for (; parent[rank] != kNone; rank = parent[rank]) ++steps;
  return steps;
}

// The edges of both trees as they meet at the ranks.
struct Trees {
  explicit Trees(std::uint32_t ranks) : from(ranks, {kNone, kNone}), to(ranks, {kNone, kNone}) {
    const auto first = parents_of_first_tree(ranks);
    add(first, 0);
    add(parents_of_second_tree(first), 1);
    colour_edges();
  }

  void add(const std::vector<std::uint32_t>& parent, std::uint32_t tree) {
    for (std::uint32_t rank = 0; rank < parent.size(); ++rank) {
      if (parent[rank] == kNone) continue;
      const auto edge = static_cast<std::uint32_t>(edges.size());
      edges.push_back({.parent = parent[rank], .child = rank});
      tree_of.push_back(tree);
      depth_of.push_back(depth(parent, rank));
      to[rank][tree] = edge;
      auto& out = from[parent[rank]];
      out[out[0] == kNone ? 0 : 1] = edge;
    }
  }

  // Parents on one side, children on the other, at most two edges at each: paths and even circles.
  void colour_edges() {
    colour.assign(edges.size(), kNone);
    std::vector<std::uint32_t> open;
    for (std::uint32_t start = 0; start < edges.size(); ++start) {
      if (colour[start] != kNone) continue;
      colour[start] = 0;
      open.assign(1, start);
      while (!open.empty()) {
        const std::uint32_t edge = open.back();
        open.pop_back();
        for (const auto* side : {&from[edges[edge].parent], &to[edges[edge].child]}) {
          for (const std::uint32_t next : *side) {
            if (next == kNone || colour[next] != kNone) continue;
            colour[next] = 1 - colour[edge];
            open.push_back(next);
          }
        }
      }
    }
  }

  // The first round of the edge's colour that is not before `round`.
  [[nodiscard]] std::uint32_t in_colour(std::uint32_t edge, std::uint32_t round) const {
    return round + (round % 2 != colour[edge] ? 1 : 0);
  }

  // The edges of `edge`'s tree that end in its parent's own parent: at most one, or kNone.
  [[nodiscard]] std::uint32_t above(std::uint32_t edge) const {
    return to[edges[edge].parent][tree_of[edge]];
  }

  void schedule() {
    std::vector<std::uint32_t> order(edges.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::sort(order, {},
                      [this](std::uint32_t edge) { return std::pair(depth_of[edge], edge); });
    for (const std::uint32_t edge : order) {
      edges[edge].down = in_colour(edge, above(edge) == kNone ? 0 : edges[above(edge)].down + 1);
    }
    std::ranges::reverse(order);
    for (const std::uint32_t edge : order) {  // up: the earliest round so far, from the leaves
      edges[edge].up = in_colour(edge, edges[edge].up);
      if (above(edge) == kNone) continue;
      TreeEdge& next = edges[above(edge)];
      next.up = std::max(next.up, edges[edge].up + 1);
    }
  }

  std::vector<TreeEdge> edges;
  std::vector<std::uint32_t> tree_of;
  std::vector<std::uint32_t> depth_of;  // of the child
  std::vector<std::uint32_t> colour;
  std::vector<std::array<std::uint32_t, 2>> from;  // by rank: the edges to its children
  std::vector<std::array<std::uint32_t, 2>> to;    // by rank: the edge to its parent, by tree
};

// Moves the rounds so that the first is 0; returns how many different ones there are: of one colour
// they follow each other without a gap, of the other one may begin later or end sooner.
std::size_t start_at_zero(std::vector<TreeEdge>& edges, std::uint32_t TreeEdge::* round) {
  const std::uint32_t first = std::ranges::min(edges, {}, round).*round;
  std::set<std::uint32_t> rounds;
  for (TreeEdge& edge : edges) rounds.insert(edge.*round -= first);
  return rounds.size();
}

}  // namespace

DoubleTree::DoubleTree(std::uint32_t ranks) {
  if (ranks < 2) throw std::invalid_argument("a double tree needs at least 2 ranks");
  Trees trees(ranks);
  trees.schedule();
  edges_ = std::move(trees.edges);
  stride_ = ranks == 2 ? 1 : 2;
  first_up_ = start_at_zero(edges_, &TreeEdge::up);
  first_down_ = start_at_zero(edges_, &TreeEdge::down);
  std::vector<std::uint32_t> sends(ranks, 0);
  for (const TreeEdge& edge : edges_) {
    ++sends[edge.parent];
    ++sends[edge.child];
  }
  busiest_port_ = std::ranges::max(sends);
}

std::size_t DoubleTree::rounds_up(std::size_t chunks) const {
  return first_up_ + stride_ * (chunks - 1);
}

std::size_t DoubleTree::rounds_down(std::size_t chunks) const {
  return first_down_ + stride_ * (chunks - 1);
}

}  // namespace rigsim::topology
