#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace rigsim::topology {

/// An edge of one of the two trees, and the first round in which it carries a chunk.
struct TreeEdge {
  std::uint32_t parent = 0;  ///< rank
  std::uint32_t child = 0;   ///< rank
  std::uint32_t up = 0;      ///< of the reduction
  std::uint32_t down = 0;    ///< of the broadcast that follows; its rounds count from 0 again
};

/// Two spanning trees over the same ranks, each of which reduces and then broadcasts half of the
/// data in chunks, so that every rank's port is busy in both directions (Sanders, Speck and Traff,
/// "Two-tree algorithms for full bandwidth broadcast, reduction and scan", Parallel Computing
/// 35(12), 2009; the trees are those of NCCL: the parent of rank r sets the bit above r's lowest
/// one and clears that one; the second tree is the mirror image for even n, shifted by one rank for
/// odd n). An interior rank of one tree is a leaf of the other.
///
/// An edge carries a chunk in every second round (`stride`), a rank sends at most one message and
/// receives at most one per round: the edges have two colours such that neither a parent's two
/// edges nor a child's two edges have the same.
class DoubleTree {
 public:
  /// Throws std::invalid_argument for less than 2 ranks.
  explicit DoubleTree(std::uint32_t ranks);

  [[nodiscard]] const std::vector<TreeEdge>& edges() const { return edges_; }
  /// Rounds between two chunks on one edge: 2; of 2 ranks 1, whose two edges never meet.
  [[nodiscard]] std::uint32_t stride() const { return stride_; }
  /// In how many rounds something moves until `chunks` chunks of each tree have reached the roots:
  /// the rounds of one chunk plus stride x (chunks - 1).
  [[nodiscard]] std::size_t rounds_up(std::size_t chunks) const;
  /// In how many rounds they come down to every rank.
  [[nodiscard]] std::size_t rounds_down(std::size_t chunks) const;
  /// How many edges at most send through one rank's port when both trees move both ways at once.
  [[nodiscard]] std::uint32_t busiest_port() const { return busiest_port_; }

 private:
  std::vector<TreeEdge> edges_;
  std::uint32_t stride_ = 2;
  std::size_t first_up_ = 0;
  std::size_t first_down_ = 0;
  std::uint32_t busiest_port_ = 0;
};

}  // namespace rigsim::topology
