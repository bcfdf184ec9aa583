#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "sim/ids.h"
#include "sim/level_queue.h"
#include "sim/network.h"

namespace rigsim::sim {

/// Max-min fair rates of the flows on a network: no flow can go faster without slowing one that is
/// not faster (Bertsekas and Gallager, Data Networks, 2nd ed. 1992, 6.5.2).
///
/// Every link has a level: the rate at which it is full when each of its flows goes at the least of
/// that rate, the levels of its other links and its cap; infinite when that does not fill it. A
/// flow goes at the least of its cap and the levels of its links. These equations have one
/// solution, the fair one, and solving them link by link, again and again where a neighbour
/// changed, reaches it in any order (the lowest level of all never depends on the others, then the
/// second lowest on the first only, and so on; Charny, Clark and Jain, ICC 1995, for the
/// distributed form).
///
/// So when flows come and go, only links are solved again whose flows really change, lowest known
/// level first. A new level comes from the current ones of its neighbours, never from the old one
/// plus a difference: no error builds up. A level that moves by less than 1e-13 of itself counts as
/// the same (more with hundreds of flows on the link); otherwise rounding would be chased around.
/// A link that is not full keeps account of its room, on the safe side, and is solved again only
/// when the account is used up.
///
/// Where many flows leave at once, levels can rise in a very large number of small turns. A solve
/// that has looked at every flow on every link many times fills the whole network from 0 instead
/// (progressive filling, the least share first), and solves each link once more from there.
class MaxMin {
 public:
  /// `network` must outlive this and not change meanwhile.
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

  /// Bytes held, by capacity.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr double kSlack = 1e-13;
  static constexpr std::uint32_t kSeveral = 0xFFFFFFFF;

  // A flow on a link. `other` is its other link where it crosses two and has no cap, else kSeveral.
  struct Crossing {
    std::uint32_t flow;
    std::uint32_t other;
  };

  [[nodiscard]] double bound_elsewhere(const Crossing& crossing, std::uint32_t link) const;
  [[nodiscard]] double rate_by_levels(std::uint32_t flow) const;
  [[nodiscard]] double level_of(std::uint32_t link);
  [[nodiscard]] double slack_of(std::uint32_t link) const;
  [[nodiscard]] double share_of(std::uint32_t link) const;
  void mark_changed(std::uint32_t link);
  void update(std::uint32_t link);
  void pass_on(const Crossing& crossing, std::uint32_t link, double old_level);
  void see_change(std::uint32_t link, double bound, double old_level, double level);
  void assign(std::uint32_t flow, double rate);
  void assign_changed_flows();
  void fill();
  void offer_all();
  void fix(std::uint32_t flow, double rate);
  void offer(double level, std::uint32_t link_or_flow);

  const Network* network_;
  // By link.
  std::vector<double> capacity_;
  std::vector<double> level_;
  // Where it is not full and not marked: capacity that its flows surely leave, by the levels.
  std::vector<double> room_;
  std::vector<std::vector<Crossing>> on_;
  std::vector<std::uint8_t> in_changed_links_;
  // By flow.
  std::vector<double> rate_;
  std::vector<double> cap_;  // infinite: none
  std::vector<std::span<const LinkId>> links_of_;
  std::vector<std::uint32_t> position_;  // [flow x hop]: of the flow's crossing on that link
  std::size_t most_hops_ = 0;            // of any route
  std::size_t crossings_ = 0;            // on all links
  LevelQueue marked_;                    // links to solve again
  // Of the current solve.
  std::vector<std::uint32_t> changed_links_;
  std::vector<std::uint32_t> new_flows_;
  std::vector<std::uint32_t>
      changed_;  // flows: the first changed_count_; one more than there are, for assign
  std::size_t changed_count_ = 0;
  std::size_t looked_at_ = 0;  // crossings
  // Of filling from 0.
  struct Offer {
    double level;
    std::uint32_t link_or_flow;  // flows, for their caps, after the links
  };
  std::vector<Offer> offers_;        // a heap, the least level first
  std::vector<double> left_;         // by link: capacity not given away yet
  std::vector<std::uint32_t> open_;  // by link: its flows without a rate yet
  std::vector<double> fixed_;        // by flow: its rate; infinite: none yet
};

}  // namespace rigsim::sim
