#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "sim/ids.h"
#include "sim/indexed_heap.h"
#include "sim/network.h"

namespace rigsim::sim {

/// Max-min fair rates of the flows on a network: no flow can go faster without slowing one that is
/// not faster (Bertsekas and Gallager, Data Networks, 2nd ed. 1992, 6.5.2). A flow goes at its
/// route's cap, or some link of its route, its bottleneck, is full and gives no flow more: that
/// rate is the link's level.
///
/// When flows come and go, only what they move is solved again. Filling all links alike from level
/// 0, nothing changes below the first level at which a link of a changed flow fills differently.
/// From there on the links are taken up in the order of their levels, and a link only if a flow on
/// it has changed. A link's new level comes from the current rates of its flows, never from its old
/// level plus a difference, so no error builds up; a level that differs from the old one by less
/// than 1e-13 of it counts as the same.
class MaxMin {
 public:
  /// `network` must outlive this.
  explicit MaxMin(const Network& network);

  /// Makes room for flows 0..flows-1.
  void reserve(std::size_t flows);
  /// Makes room for `flows` at once on `link`.
  void reserve_on(LinkId link, std::size_t flows) { on_[index_of(link)].reserve(flows); }

  /// `flow` is a number that is not in use, best a small one.
  void add(std::uint32_t flow, RouteId route);
  void remove(std::uint32_t flow);
  /// Removes all flows.
  void clear();

  /// Brings all rates up to date; returns the flows whose rate changed, new ones included, in an
  /// order that depends only on the calls made. Valid until the next call.
  std::span<const std::uint32_t> solve();

  /// Bytes per second, as of the last solve.
  [[nodiscard]] double rate(std::uint32_t flow) const { return rate_[flow]; }

  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  // Where a flow's rate comes from, besides the number of its bottleneck link.
  static constexpr std::uint32_t kCapped = 0xFFFFFFFF;
  static constexpr std::uint32_t kLoose =
      0xFFFFFFFE;  // not known yet in this pass; its bound is its cap
  static constexpr std::uint32_t kNoLink = 0xFFFFFFFF;

  struct CapEvent {
    double cap;
    std::uint32_t flow;
  };

  [[nodiscard]] std::span<const LinkId> links_of(std::uint32_t flow) const {
    return network_->links(route_[flow]);
  }
  [[nodiscard]] bool decided(std::uint32_t flow) const { return decided_in_[flow] == pass_; }
  [[nodiscard]] double level_of(std::uint32_t link) const;
  [[nodiscard]] double careful_level_of(std::uint32_t link) const;
  void take_up(std::uint32_t link);
  void saturate(std::uint32_t link, double level);
  void loosen(std::uint32_t link);
  void set_loose(std::uint32_t flow, double first_level, std::uint32_t except);
  void decide(std::uint32_t flow, double rate, std::uint32_t bottleneck);
  void reach_cap();

  const Network* network_;
  // By link.
  std::vector<double> capacity_;
  std::vector<double> level_;  // infinite: not full
  std::vector<std::vector<std::uint32_t>> on_;
  std::vector<std::uint64_t> final_in_;  // the pass in which the level became final
  IndexedHeap agenda_;  // links to take up, under a lower bound of their next level
  // By flow.
  std::vector<double> rate_;
  std::vector<double> bound_;  // the rate, or the cap while loose
  std::vector<double> cap_;    // infinite: none
  std::vector<std::uint32_t> bottleneck_;
  std::vector<std::uint64_t> decided_in_;
  std::vector<RouteId> route_;
  // The current pass; between two solves, the coming one.
  std::uint64_t pass_ = 1;
  double water_ = 0;                  // all that happens below this level is final
  std::vector<CapEvent> cap_events_;  // heap, smallest cap first
  std::vector<std::uint32_t> changed_;
  mutable std::vector<double> scratch_;
};

}  // namespace rigsim::sim
