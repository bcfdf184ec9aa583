#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "sim/units.h"
#include "topology/collective_steps.h"
#include "topology/double_tree.h"
#include "topology/rank_steps.h"

namespace rigsim::topology {

/// Ranks that take a step together, several groups at a time: all, those of each machine, those of
/// each rail.
struct RankGroups {
  std::uint32_t count = 1;
  std::uint32_t size = 1;
  std::uint32_t group_stride = 1;
  std::uint32_t member_stride = 1;

  /// `member` goes round: member `size` is member 0.
  [[nodiscard]] std::uint32_t rank(std::uint32_t group, std::uint32_t member) const {
    return group * group_stride + member % size * member_stride;
  }
};

/// Sender and receiver.
using RankPair = std::pair<std::uint32_t, std::uint32_t>;

/// A rank's shares that are passed around: in so many steps they are added up, in so many copied.
struct RingSteps {
  std::uint32_t adding = 0;
  std::uint32_t copying = 0;
};

/// The phases that collectives are made of, as messages. `bulk` is Granularity::kBulk
/// (collective_ops.h). `steps` must outlive this.
class CollectivePhases {
 public:
  CollectivePhases(RankSteps& steps, std::uint32_t ranks, bool bulk)
      : steps_(&steps), ranks_(ranks), bulk_(bulk) {}

  /// One step: every rank sends `bytes` to the rank `distance` on.
  void shift(std::uint32_t distance, sim::Bytes bytes, bool reduce);
  /// Such a step per exchange, of its shares.
  void exchange(const std::vector<Exchange>& exchanges, sim::Bytes share, bool reduce);
  /// Each rank sends to the next of its group, in every step a share.
  void ring(const RankGroups& groups, RingSteps steps, sim::Bytes share);
  /// Each rank of a group sends `bytes` to every other, all at once.
  void exchange_all(const RankGroups& groups, sim::Bytes bytes, bool reduce);
  /// Folds onto a power of two, halves, doubles and unfolds; all-reduce of `size`.
  void halving_doubling(sim::Bytes size);
  /// All-reduce in chunks over both trees; `link` and `reduction` are what bulk goes by.
  void tree(const DoubleTree& tree, const LinkCost& link, std::uint32_t chunks, sim::Bytes chunk,
            std::optional<sim::Bandwidth> reduction);
  /// From the first of each group, far members first: so the fewest messages leave a machine.
  void binomial(const RankGroups& groups, sim::Bytes bytes);
  /// The same, but each gets a share, and those of the ranks that it passes on to.
  void binomial_scatter(sim::Bytes share);
  /// From rank 0 to each other, all at once.
  void scatter(sim::Bytes bytes);
  /// From each to each other but rank 0, which has everything.
  void gather_all_but_first(sim::Bytes share);
  /// In chunks from rank to rank; `link` is what bulk goes by.
  void chain(const LinkCost& link, std::uint32_t chunks, sim::Bytes chunk);

 private:
  void join(const RankGroups& groups);
  void ring_step(const RankGroups& groups, sim::Bytes bytes, sim::Bytes reduced,
                 std::uint32_t latencies);
  void tree_rounds(const DoubleTree& tree, std::uint32_t chunks, sim::Bytes chunk, bool up);
  void tree_flows(const DoubleTree& tree, const LinkCost& link, std::uint32_t chunks,
                  sim::Bytes chunk, std::optional<sim::Bandwidth> reduction);
  void chain_flows(const LinkCost& link, std::uint32_t chunks, sim::Bytes chunk);

  RankSteps* steps_;
  std::uint32_t ranks_;
  bool bulk_;
};

}  // namespace rigsim::topology
