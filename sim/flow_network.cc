#include "sim/flow_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <stdexcept>

namespace rigsim::sim {
namespace {

constexpr std::int64_t kBeyondClock = Earliest::kNever - 1;
constexpr double kClockRangePs = 9.2e18;

}  // namespace

double FlowNetwork::picoseconds_between(Instant from, Instant to) {
  return static_cast<double>(to.ps - from.ps) + (to.fraction - from.fraction);
}

FlowNetwork::Instant FlowNetwork::later(Instant from, double picoseconds) {
  const double sum = from.fraction + picoseconds;
  if (!(sum < kClockRangePs)) return {kBeyondClock, 0};
  auto whole = static_cast<std::int64_t>(sum);
  double fraction = sum - static_cast<double>(whole);
  const int up = fraction >= 0.5;
  whole += up;
  fraction -= up;
  if (whole > 0 && from.ps > kBeyondClock - whole) return {kBeyondClock, 0};
  return {from.ps + whole, fraction};
}

double FlowNetwork::remaining_at(const Flow& flow, Instant instant) const {
  if (flow.rate == 0) return flow.remaining;
  const double moved = flow.rate * (picoseconds_between(flow.since, instant) * 1e-12);
  return std::max(flow.remaining - moved, 0.0);
}

void FlowNetwork::reserve(std::span<const RouteId> routes, std::size_t most) {
  const std::size_t slots = std::min(routes.size(), most);
  max_min_.reserve(slots);
  ends_.reserve(slots);
  flows_.reserve(slots);
  free_.reserve(slots);
  finished_.reserve(slots);
  std::vector<std::size_t> on(network_->link_count(), 0);
  for (const RouteId route : routes) {
    for (const LinkId link : network_->links(route)) ++on[index_of(link)];
  }
  for (std::uint32_t link = 0; link < on.size(); ++link) {
    max_min_.reserve_on(LinkId{link}, std::min(on[link], most));
  }
}

std::size_t FlowNetwork::free_slot() {
  if (!free_.empty()) {
    std::ranges::pop_heap(free_, std::greater{});
    const std::size_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  flows_.emplace_back();
  if (flows_.size() > free_.capacity()) {
    ends_.reserve(flows_.capacity());
    free_.reserve(flows_.capacity());
    finished_.reserve(flows_.capacity());
  }
  return flows_.size() - 1;
}

// Rates hold until the clock moves: solve before it does, and leave no completion behind.
void FlowNetwork::require_clock(Time to) {
  const std::int64_t ps = to.time_since_epoch().count();
  if (ps == clock_.ps) return;
  const auto next = next_completion();
  if (ps < clock_.ps || (next && *next < to)) {
    throw std::logic_error(fmt::format("flow network: cannot go to {} ps, the clock is at {} ps{}",
                                       ps, clock_.ps,
                                       ps < clock_.ps ? "" : " and a flow finishes before"));
  }
  clock_ = {ps, 0};
}

FlowId FlowNetwork::start(RouteId route, Bytes size, Time now) {
  if (size <= Bytes(0)) {
    throw std::invalid_argument(fmt::format("a flow must move > 0 B, got {} B", size.count()));
  }
  if (index_of(route) >= network_->route_count()) {
    throw std::invalid_argument(fmt::format("a flow on route {}: there are {} routes",
                                            index_of(route), network_->route_count()));
  }
  require_clock(now);
  const std::size_t slot = free_slot();
  flows_[slot] = {.remaining = static_cast<double>(size.count()),
                  .rate = 0,
                  .since = {clock_.ps, 0},
                  .end_fraction = 0,
                  .order = next_order_++};
  max_min_.add(static_cast<std::uint32_t>(slot), route);
  ++active_;
  dirty_ = true;
  return FlowId{static_cast<std::uint32_t>(slot)};
}

std::optional<Time> FlowNetwork::next_completion() {
  if (active_ == 0) return std::nullopt;
  if (dirty_ && due_ > clock_.ps) solve();
  return due_ >= kBeyondClock ? Time::max() : Time(Duration(due_));
}

std::span<const FlowId> FlowNetwork::advance(Time to) {
  require_clock(to);
  finished_.clear();
  if (due_ != clock_.ps) return finished_;
  due_ = Earliest::kNever;
  ends_.take(clock_.ps, [this](std::size_t slot) { finish(slot); });
  if (finished_.size() > 1) {
    std::ranges::sort(finished_, {}, [this](FlowId flow) { return flows_[index_of(flow)].order; });
  }
  return finished_;
}

void FlowNetwork::finish(std::size_t slot) {
  const Flow& flow = flows_[slot];
  clock_.fraction =
      finished_.empty() ? flow.end_fraction : std::max(clock_.fraction, flow.end_fraction);
  max_min_.remove(static_cast<std::uint32_t>(slot));
  free_.push_back(static_cast<std::uint32_t>(slot));
  std::ranges::push_heap(free_, std::greater{});
  finished_.push_back(FlowId{static_cast<std::uint32_t>(slot)});
  --active_;
  dirty_ = true;
}

void FlowNetwork::solve() {
  dirty_ = false;
  for (const std::uint32_t slot : max_min_.solve()) {
    Flow& flow = flows_[slot];
    if (flow.rate != 0) {
      flow.remaining = remaining_at(flow, clock_);
      flow.since = clock_;
    }
    flow.rate = max_min_.rate(slot);
    Instant end = later(flow.since, flow.remaining / flow.rate * 1e12);
    if (end.ps <= clock_.ps) end = {clock_.ps + 1, -0.5};
    flow.end_fraction = end.fraction;
    ends_.set(slot, end.ps);
  }
  due_ = ends_.min();
}

Bandwidth FlowNetwork::rate(FlowId flow) {
  if (dirty_ && due_ > clock_.ps) solve();
  return Bandwidth(max_min_.rate(index_of(flow)));
}

double FlowNetwork::remaining(FlowId flow) const {
  return remaining_at(flows_.at(index_of(flow)), clock_);
}

void FlowNetwork::reset(Time now) {
  clock_ = {now.time_since_epoch().count(), 0};
  max_min_.clear();
  for (std::size_t slot = 0; slot < flows_.size(); ++slot) ends_.set(slot, Earliest::kNever);
  flows_.clear();
  free_.clear();
  finished_.clear();
  active_ = 0;
  next_order_ = 0;
  dirty_ = false;
  due_ = Earliest::kNever;
}

std::size_t FlowNetwork::memory_bytes() const {
  return max_min_.memory_bytes() + ends_.memory_bytes() + flows_.capacity() * sizeof(Flow) +
         (free_.capacity() + finished_.capacity()) * sizeof(std::uint32_t);
}

}  // namespace rigsim::sim
