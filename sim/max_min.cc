#include "sim/max_min.h"

#include <algorithm>
#include <functional>
#include <limits>

namespace rigsim::sim {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Levels this close (relative) count as equal: far above the rounding of a sum over a link's flows,
// far below what a completion time shows. Without it, rounding noise would be chased through the
// whole network.
constexpr double kSlack = 1e-13;

bool exceeds(double a, double b) { return a > b * (1 + kSlack); }

}  // namespace

MaxMin::MaxMin(const Network& network)
    : network_(&network),
      level_(network.link_count(), kInfinity),
      on_(network.link_count()),
      final_in_(network.link_count(), 0),
      agenda_(network.link_count()) {
  capacity_.reserve(network.link_count());
  for (std::uint32_t link = 0; link < network.link_count(); ++link) {
    capacity_.push_back(network.link(LinkId{link}).capacity.count());
  }
}

void MaxMin::reserve(std::size_t flows) {
  if (flows <= rate_.size()) return;
  rate_.resize(flows);
  bound_.resize(flows);
  cap_.resize(flows);
  bottleneck_.resize(flows);
  decided_in_.resize(flows);
  route_.resize(flows);
  cap_events_.reserve(flows);
  changed_.reserve(flows);
  scratch_.reserve(flows);
}

void MaxMin::add(std::uint32_t flow, RouteId route) {
  if (flow >= rate_.size()) reserve(std::max<std::size_t>(flow + 1, 2 * rate_.size()));
  const auto cap = network_->cap(route);
  route_[flow] = route;
  rate_[flow] = 0;
  cap_[flow] = cap ? cap->count() : kInfinity;
  decided_in_[flow] = 0;
  for (const LinkId link : links_of(flow)) on_[index_of(link)].push_back(flow);
  set_loose(flow, 0, kNoLink);
}

void MaxMin::remove(std::uint32_t flow) {
  if (bottleneck_[flow] == kLoose) {
    std::erase_if(cap_events_, [flow](const CapEvent& event) { return event.flow == flow; });
    std::ranges::make_heap(cap_events_, std::greater{}, &CapEvent::cap);
  }
  for (const LinkId id : links_of(flow)) {
    const std::uint32_t link = index_of(id);
    std::vector<std::uint32_t>& flows = on_[link];
    *std::ranges::find(flows, flow) = flows.back();
    flows.pop_back();
    if (level_[link] < kInfinity) agenda_.insert_or_lower(link, level_[link]);
  }
}

void MaxMin::clear() {
  for (auto& flows : on_) flows.clear();
  std::ranges::fill(level_, kInfinity);
  agenda_.clear();
  cap_events_.clear();
}

std::span<const std::uint32_t> MaxMin::solve() {
  water_ = 0;
  changed_.clear();
  while (!agenda_.empty() || !cap_events_.empty()) {
    const double link_key = agenda_.empty() ? kInfinity : agenda_.top_key();
    if (!cap_events_.empty() && cap_events_.front().cap <= link_key) {
      reach_cap();
    } else {
      take_up(agenda_.top());
    }
  }
  ++pass_;
  return changed_;
}

// The level at which `link` is full if nothing else changes: sum over its flows of min(bound,
// level) = capacity, where the bound of a flow that this link slows, or that is loose, is its cap.
double MaxMin::level_of(std::uint32_t link) const {
  double fixed = 0;
  double fastest_fixed = 0;
  double slowest_cap = kInfinity;
  std::uint32_t sharing = 0;
  for (const std::uint32_t flow : on_[link]) {
    const std::uint32_t bottleneck = bottleneck_[flow];
    if (bottleneck == link || bottleneck == kLoose) {
      ++sharing;
      slowest_cap = std::min(slowest_cap, cap_[flow]);
    } else {
      fixed += bound_[flow];
      fastest_fixed = std::max(fastest_fixed, bound_[flow]);
    }
  }
  if (sharing == 0) {
    return exceeds(fixed, capacity_[link]) ? careful_level_of(link) : kInfinity;
  }
  const double level = (capacity_[link] - fixed) / sharing;
  if (exceeds(fastest_fixed, level) || slowest_cap < level) return careful_level_of(link);
  return level;
}

double MaxMin::careful_level_of(std::uint32_t link) const {
  double left = capacity_[link];
  scratch_.clear();
  for (const std::uint32_t flow : on_[link]) {
    if (decided(flow)) {
      left -= bound_[flow];
    } else {
      scratch_.push_back(bottleneck_[flow] == link ? cap_[flow] : bound_[flow]);
    }
  }
  std::ranges::sort(scratch_);
  std::size_t sharing = scratch_.size();
  for (const double bound : scratch_) {
    const double level = left / static_cast<double>(sharing);
    if (bound >= level) return std::max(level, water_);
    left -= bound;
    --sharing;
  }
  return kInfinity;
}

// The first link of the agenda: postpones it if its next level is higher than thought.
void MaxMin::take_up(std::uint32_t link) {
  const double level = level_of(link);
  const double next = std::min(level, level_[link]);
  if (next == kInfinity) {
    agenda_.pop();
  } else if (next > agenda_.second_key() ||
             (!cap_events_.empty() && next > cap_events_.front().cap)) {
    agenda_.raise_top(next);
  } else {
    water_ = std::max(water_, next);
    if (exceeds(level, level_[link])) {
      agenda_.raise_top(level);
      loosen(link);
    } else {
      agenda_.pop();
      saturate(link, exceeds(level_[link], level) ? level : level_[link]);
    }
  }
}

// `link` is full at `level`, finally: every flow on it that is not slower already gets that rate,
// and this link as its bottleneck; also one that had the same rate from another link, which may be
// about to allow more.
void MaxMin::saturate(std::uint32_t link, double level) {
  final_in_[link] = pass_;
  bool slows_any = false;
  for (const std::uint32_t flow : on_[link]) {
    const std::uint32_t bottleneck = bottleneck_[flow];
    const bool slower = bottleneck != link && bottleneck != kLoose && exceeds(level, bound_[flow]);
    if (slower || decided(flow)) continue;
    slows_any = true;
    decide(flow, level, link);
  }
  level_[link] = slows_any ? level : kInfinity;
}

// `link` is no longer full at its old level: what its flows get depends on all their links again.
void MaxMin::loosen(std::uint32_t link) {
  const double old_level = level_[link];
  level_[link] = kInfinity;
  for (const std::uint32_t flow : on_[link]) {
    if (bottleneck_[flow] == link && !decided(flow)) set_loose(flow, old_level, link);
  }
}

void MaxMin::set_loose(std::uint32_t flow, double first_level, std::uint32_t except) {
  bottleneck_[flow] = kLoose;
  bound_[flow] = cap_[flow];
  if (cap_[flow] < kInfinity) {
    cap_events_.push_back({cap_[flow], flow});
    std::ranges::push_heap(cap_events_, std::greater{}, &CapEvent::cap);
  }
  for (const LinkId id : links_of(flow)) {
    const std::uint32_t link = index_of(id);
    if (link != except && final_in_[link] != pass_) agenda_.insert_or_lower(link, first_level);
  }
}

void MaxMin::decide(std::uint32_t flow, double rate, std::uint32_t bottleneck) {
  decided_in_[flow] = pass_;
  const bool was_loose = bottleneck_[flow] == kLoose;
  bottleneck_[flow] = bottleneck;
  if (!exceeds(rate, rate_[flow]) && !exceeds(rate_[flow], rate)) {
    bound_[flow] = rate_[flow];
    return;
  }
  bound_[flow] = rate;
  rate_[flow] = rate;
  changed_.push_back(flow);
  if (was_loose) return;  // its links are on the agenda already
  for (const LinkId id : links_of(flow)) {
    const std::uint32_t link = index_of(id);
    if (final_in_[link] != pass_ && level_[link] < kInfinity) {
      agenda_.insert_or_lower(link, level_[link]);
    }
  }
}

void MaxMin::reach_cap() {
  const CapEvent event = cap_events_.front();
  std::ranges::pop_heap(cap_events_, std::greater{}, &CapEvent::cap);
  cap_events_.pop_back();
  if (bottleneck_[event.flow] != kLoose) return;
  water_ = std::max(water_, event.cap);
  decide(event.flow, event.cap, kCapped);
}

std::size_t MaxMin::memory_bytes() const {
  std::size_t bytes = rate_.capacity() * (3 * sizeof(double) + 2 * sizeof(std::uint32_t) + 8) +
                      (cap_events_.capacity() * sizeof(CapEvent)) +
                      changed_.capacity() * sizeof(std::uint32_t) +
                      scratch_.capacity() * sizeof(double);
  for (const auto& flows : on_) bytes += flows.capacity() * sizeof(std::uint32_t) + sizeof(flows);
  return bytes + level_.capacity() * (3 * sizeof(double) + 8 + 3 * sizeof(std::uint32_t));
}

}  // namespace rigsim::sim
