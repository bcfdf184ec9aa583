#include "sim/max_min.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace rigsim::sim {
namespace {

// How often a solve looks at all flows on all links before it fills from 0, and what is too little
// to be worth it.
constexpr std::size_t kPatience = 2;
constexpr std::size_t kLittle = 4096;

}  // namespace

MaxMin::MaxMin(const Network& network)
    : network_(&network),
      level_(network.link_count(), kInfinity),
      on_(network.link_count()),
      in_changed_links_(network.link_count(), 0),
      marked_(network.link_count()) {
  for (std::uint32_t link = 0; link < network.link_count(); ++link) {
    capacity_.push_back(network.link(LinkId{link}).capacity.count());
  }
  for (std::uint32_t route = 0; route < network.route_count(); ++route) {
    most_hops_ = std::max(most_hops_, network.links(RouteId{route}).size());
  }
  room_ = capacity_;
  changed_links_.reserve(network.link_count());
}

void MaxMin::reserve(std::size_t flows) {
  if (flows <= rate_.size()) return;
  rate_.resize(flows);
  cap_.resize(flows);
  links_of_.resize(flows);
  position_.resize(flows * most_hops_);
  new_flows_.reserve(flows);
  changed_.resize(flows + 1);
}

void MaxMin::add(std::uint32_t flow, RouteId route) {
  if (flow >= rate_.size()) reserve(std::max<std::size_t>(flow + 1, 2 * rate_.size()));
  const auto cap = network_->cap(route);
  const auto links = network_->links(route);
  rate_[flow] = 0;
  cap_[flow] = cap ? cap->count() : kInfinity;
  links_of_[flow] = links;
  const bool plain_pair = links.size() == 2 && !cap;
  for (std::size_t hop = 0; hop < links.size(); ++hop) {
    const std::uint32_t link = index_of(links[hop]);
    position_[flow * most_hops_ + hop] = static_cast<std::uint32_t>(on_[link].size());
    on_[link].push_back({flow, plain_pair ? index_of(links[1 - hop]) : kSeveral});
  }
  const double rate = rate_by_levels(flow);
  for (const LinkId link : links) see_change(index_of(link), kInfinity, 0, rate);
  crossings_ += links.size();
  new_flows_.push_back(flow);
}

void MaxMin::remove(std::uint32_t flow) {
  const auto links = links_of_[flow];
  const double rate = rate_by_levels(flow);
  for (std::size_t hop = 0; hop < links.size(); ++hop) {
    const std::uint32_t position = position_[flow * most_hops_ + hop];
    std::vector<Crossing>& crossings = on_[index_of(links[hop])];
    const Crossing moved = crossings.back();
    const auto its_links = links_of_[moved.flow];
    const auto its_hop = std::ranges::find(its_links, links[hop]) - its_links.begin();
    position_[moved.flow * most_hops_ + static_cast<std::size_t>(its_hop)] = position;
    crossings[position] = moved;
    crossings.pop_back();
    see_change(index_of(links[hop]), kInfinity, rate, 0);
  }
  crossings_ -= links.size();
  links_of_[flow] = {};
  std::erase(new_flows_, flow);
}

void MaxMin::clear() {
  for (auto& crossings : on_) crossings.clear();
  std::ranges::fill(level_, kInfinity);
  room_ = capacity_;
  marked_.clear();
  new_flows_.clear();
  crossings_ = 0;
}

std::span<const std::uint32_t> MaxMin::solve() {
  looked_at_ = 0;
  bool filled = false;
  while (!marked_.empty()) {
    update(marked_.pop());
    if (!filled && looked_at_ > kPatience * crossings_ + kLittle) {
      fill();
      filled = true;
    }
  }
  assign_changed_flows();
  return {changed_.data(), changed_count_};
}

double MaxMin::rate_by_levels(std::uint32_t flow) const {
  double rate = cap_[flow];
  for (const LinkId link : links_of_[flow]) rate = std::min(rate, level_[index_of(link)]);
  return rate;
}

double MaxMin::bound_elsewhere(const Crossing& crossing, std::uint32_t link) const {
  if (crossing.other != kSeveral) return level_[crossing.other];
  double bound = cap_[crossing.flow];
  for (const LinkId other : links_of_[crossing.flow]) {
    if (index_of(other) != link) bound = std::min(bound, level_[index_of(other)]);
  }
  return bound;
}

namespace {

// The flows of a link, split into those that something else holds at or below a level and those
// that it would hold.
struct Split {
  double level;
  double slower_sum = 0;
  double slower_fastest = 0;
  double held_slowest = std::numeric_limits<double>::infinity();
  std::uint32_t held = 0;

  void count(double bound) {
    if (bound > level) {
      ++held;
      held_slowest = bound < held_slowest ? bound : held_slowest;
    } else {
      slower_sum += bound;
      slower_fastest = bound > slower_fastest ? bound : slower_fastest;
    }
  }
};

}  // namespace

// Solves sum of min(bound, level) = capacity for the level by Newton's method, starting from the
// last known one. The sum is concave in the level: after the first step the guesses only rise, and
// the last one is exact. Where the bounds of hundreds of flows lie within rounding of the level, a
// guess may fall back: that is the end, too.
double MaxMin::level_of(std::uint32_t link) {
  const double capacity = capacity_[link];
  const double slack = 1 + slack_of(link);
  double guess = level_[link];
  for (bool rising = false;; rising = true) {
    Split split{guess};
    for (const Crossing& crossing : on_[link]) split.count(bound_elsewhere(crossing, link));
    if (split.held == 0) {
      if (split.slower_sum <= capacity * slack) {
        room_[link] = capacity * slack - split.slower_sum;
        return kInfinity;
      }
      guess = capacity / static_cast<double>(on_[link].size());  // never too high
      continue;
    }
    const double level = (capacity - split.slower_sum) / split.held;
    if (split.slower_fastest <= level * slack && level <= split.held_slowest) return level;
    if (level == guess || (rising && level < guess)) return level;
    guess = level;
  }
}

// What the sum over a link's flows may be wrong by.
double MaxMin::slack_of(std::uint32_t link) const {
  constexpr std::size_t kFlows = 256;
  return kSlack * static_cast<double>(1 + on_[link].size() / kFlows);
}

// As far as its other links are concerned, a flow of `link` would now go at the lesser of `bound`
// and `level` instead of `old_level`. What rounding may add up to is taken off the room each time.
void MaxMin::see_change(std::uint32_t link, double bound, double old_level, double level) {
  constexpr double kRounding = 1e-15;
  if (marked_.waits(link)) return;
  if (level_[link] == kInfinity) {
    room_[link] -=
        std::min(bound, level) - std::min(bound, old_level) + kRounding * capacity_[link];
    if (room_[link] >= 0) return;
  }
  marked_.push(link, level_[link]);
}

// What a flow's other links see of a change of `link`: nothing, where the flow was and is held as
// low elsewhere. A link whose own level is no higher than both levels of `link` is such a place.
void MaxMin::pass_on(const Crossing& crossing, std::uint32_t link, double old_level) {
  const double level = level_[link];
  const double bound = bound_elsewhere(crossing, link);
  if (bound <= std::min(level, old_level)) return;
  for (const LinkId id : links_of_[crossing.flow]) {
    if (index_of(id) != link) see_change(index_of(id), bound, old_level, level);
  }
}

void MaxMin::update(std::uint32_t link) {
  looked_at_ += on_[link].size();
  const double old_level = level_[link];
  const double level = level_of(link);
  if (level == old_level ||
      std::abs(level - old_level) <= slack_of(link) * std::min(level, old_level))
    return;
  mark_changed(link);
  level_[link] = level;
  const double lower = std::min(level, old_level);
  for (const Crossing& crossing : on_[link]) {
    // The most frequent case in short: a plain pair whose other link is full.
    const bool pair = crossing.other != kSeveral;
    if (pair && (level_[crossing.other] <= lower || marked_.waits(crossing.other))) continue;
    if (pair && level_[crossing.other] != kInfinity) {
      marked_.push(crossing.other, level_[crossing.other]);
    } else {
      pass_on(crossing, link, old_level);
    }
  }
}

// Branch-free, as whether a flow has changed is hard to foresee: each writes itself down, the next
// writes over it.
void MaxMin::assign(std::uint32_t flow, double rate) {
  changed_[changed_count_] = flow;
  changed_count_ += rate != rate_[flow];
  rate_[flow] = rate;
}

void MaxMin::assign_changed_flows() {
  changed_count_ = 0;
  for (const std::uint32_t link : changed_links_) {
    in_changed_links_[link] = 0;
    const double level = level_[link];
    for (const Crossing& crossing : on_[link]) {
      assign(crossing.flow, std::min(level, bound_elsewhere(crossing, link)));
    }
  }
  for (const std::uint32_t flow : new_flows_) assign(flow, rate_by_levels(flow));
  changed_links_.clear();
  new_flows_.clear();
}

// The level at which `link` is full when its flows without a rate go at it; summed afresh, so that
// no error builds up.
double MaxMin::share_of(std::uint32_t link) const {
  double left = capacity_[link];
  std::uint32_t open = 0;
  for (const Crossing& crossing : on_[link]) {
    if (fixed_[crossing.flow] == kInfinity) {
      ++open;
    } else {
      left -= fixed_[crossing.flow];
    }
  }
  return left / open;
}

void MaxMin::offer(double level, std::uint32_t link_or_flow) {
  offers_.push_back({level, link_or_flow});
  std::ranges::push_heap(offers_, std::greater{}, &Offer::level);
}

void MaxMin::fix(std::uint32_t flow, double rate) {
  fixed_[flow] = rate;
  for (const LinkId link : links_of_[flow]) {
    left_[index_of(link)] -= rate;
    --open_[index_of(link)];
  }
}

void MaxMin::offer_all() {
  const auto links = static_cast<std::uint32_t>(level_.size());
  left_ = capacity_;
  open_.assign(links, 0);
  fixed_.assign(rate_.size(), kInfinity);
  offers_.clear();
  for (std::uint32_t link = 0; link < links; ++link) {
    if (level_[link] != kInfinity) mark_changed(link);
    level_[link] = kInfinity;
    if (on_[link].empty()) continue;
    if (!marked_.waits(link)) marked_.push(link, level_[link]);
    open_[link] = static_cast<std::uint32_t>(on_[link].size());
    offer(capacity_[link] / open_[link], link);
    for (const Crossing& crossing : on_[link]) {
      const bool first = index_of(links_of_[crossing.flow].front()) == link;
      if (first && cap_[crossing.flow] != kInfinity) {
        offer(cap_[crossing.flow], links + crossing.flow);
      }
    }
  }
}

// A link's share only rises while others' flows get their rates: an offer out of date is made
// again. One within rounding counts as up to date.
void MaxMin::fill() {
  constexpr double kRounding = 1e-12;
  const auto links = static_cast<std::uint32_t>(level_.size());
  offer_all();
  while (!offers_.empty()) {
    std::ranges::pop_heap(offers_, std::greater{}, &Offer::level);
    const Offer best = offers_.back();
    offers_.pop_back();
    if (best.link_or_flow >= links) {
      const std::uint32_t flow = best.link_or_flow - links;
      if (fixed_[flow] == kInfinity) fix(flow, cap_[flow]);
      continue;
    }
    const std::uint32_t link = best.link_or_flow;
    if (open_[link] == 0) continue;
    const double share = left_[link] / open_[link];
    if (share > best.level * (1 + kRounding)) {
      offer(share, link);
      continue;
    }
    level_[link] = share_of(link);
    mark_changed(link);
    for (const Crossing& crossing : on_[link]) {
      if (fixed_[crossing.flow] == kInfinity) fix(crossing.flow, level_[link]);
    }
  }
}

void MaxMin::mark_changed(std::uint32_t link) {
  if (!in_changed_links_[link]) changed_links_.push_back(link);
  in_changed_links_[link] = 1;
}

std::size_t MaxMin::memory_bytes() const {
  std::size_t bytes = rate_.capacity() * (2 * sizeof(double) + sizeof(std::span<const LinkId>) +
                                          2 * sizeof(std::uint32_t));
  for (const auto& crossings : on_) {
    bytes += crossings.capacity() * sizeof(Crossing) + sizeof(std::vector<Crossing>);
  }
  bytes += position_.capacity() * sizeof(std::uint32_t) + fixed_.capacity() * sizeof(double) +
           offers_.capacity() * sizeof(Offer) + left_.capacity() * sizeof(double) +
           open_.capacity() * sizeof(std::uint32_t);
  return bytes + capacity_.capacity() * (3 * sizeof(double) + 2 + sizeof(std::uint32_t)) +
         marked_.memory_bytes();
}

}  // namespace rigsim::sim
