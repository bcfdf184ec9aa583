#include "topology/rank_steps.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace rigsim::topology {

using sim::Bytes;
using sim::Delay;
using sim::Duration;
using sim::OpId;

namespace {
// A bit in Side::messages: the op of the rank's several messages is there, the next only joins it.
constexpr std::uint32_t kJoined = 1U << 31;
}  // namespace

LinkCost link_cost(const sim::Network& network, sim::RouteId route) {
  constexpr double kUnlimited = std::numeric_limits<double>::infinity();
  LinkCost cost{network.latency(route), network.cap(route).value_or(sim::Bandwidth(kUnlimited))};
  for (const sim::LinkId link : network.links(route)) {
    cost.bandwidth = std::min(cost.bandwidth, network.link(link).capacity);
  }
  return cost;
}

RankSteps::RankSteps(sim::OpGraphBuilder& graph, const RouteOf& route,
                     std::span<const std::uint32_t> devices, std::span<const OpId> ready,
                     std::optional<sim::Bandwidth> reduction)
    : graph_(&graph), route_(&route), devices_(devices), reduction_(reduction) {
  sent_.last.assign(devices.size(), std::nullopt);
  std::ranges::copy(ready, sent_.last.begin());
  sent_.messages.assign(devices.size(), 0);
  sent_.reduced.assign(devices.size(), Bytes{});
  received_ = sent_;
}

sim::RouteId RankSteps::route(std::uint32_t from, std::uint32_t to) const {
  return (*route_)(devices_[from], devices_[to]);
}

LinkCost RankSteps::link(std::uint32_t from, std::uint32_t to) const {
  return link_cost(graph_->network(), route(from, to));
}

RankSteps::MaybeOp RankSteps::delayed(std::span<const OpId> after, Duration time) {
  const MaybeOp single = after.empty() ? MaybeOp{} : MaybeOp{after.front()};
  if (after.size() <= 1 && wait_ && wait_->after == single && wait_->time == time) return wait_->op;
  const OpId op = graph_->add(Delay{time}, after);
  if (after.size() <= 1) wait_ = {single, time, op};
  return op;
}

void RankSteps::send(const Message& message) {
  std::array<OpId, 3> after{};
  std::size_t count = 0;
  for (const MaybeOp& op :
       {received_.last[message.from], sent_.last[message.from], received_.last[message.to]}) {
    const auto known = after.begin() + static_cast<std::ptrdiff_t>(count);
    if (op && std::find(after.begin(), known, *op) == known) after[count++] = *op;
  }
  if (message.before > Duration::zero()) {
    after[0] = *delayed(std::span(after).first(count), message.before);
    count = 1;
  }
  const OpId op = graph_->add(sim::Transfer{route(message.from, message.to), message.size},
                              std::span(after).first(count));
  step_.push_back({message.from, message.to, op});
  ++sent_.messages[message.from];
  ++received_.messages[message.to];
  if (reduction_) received_.reduced[message.to] += message.reduced;
}

// One message with nothing to add up is what the rank did last; several, or an addition, take an
// op of their own.
void RankSteps::collect(Side& side, std::uint32_t rank, OpId op) {
  std::uint32_t& messages = side.messages[rank];
  Bytes& reduced = side.reduced[rank];
  if (messages == 1 && reduced == Bytes(0)) {
    side.last[rank] = op;
    messages = 0;
    return;
  }
  if ((messages & kJoined) == 0) {
    const Duration time = reduced == Bytes(0) ? Duration::zero() : reduced / *reduction_;
    side.last[rank] = graph_->add(Delay{time});
    messages |= kJoined;
    reduced = Bytes(0);
  }
  graph_->precede(op, *side.last[rank]);
  if (--messages == kJoined) messages = 0;
}

void RankSteps::end_step() {
  for (const Sent& message : step_) {
    collect(sent_, message.from, message.op);
    collect(received_, message.to, message.op);
  }
  step_.clear();
}

void RankSteps::join(std::span<const std::uint32_t> ranks) {
  std::vector<OpId> after;
  for (const std::uint32_t rank : ranks) {
    for (const MaybeOp& op : {sent_.last[rank], received_.last[rank]}) {
      if (op) after.push_back(*op);
    }
  }
  if (after.empty()) return;
  std::ranges::sort(after);
  const auto repeated = std::ranges::unique(after);
  after.erase(repeated.begin(), repeated.end());
  const OpId all = after.size() == 1 ? after.front() : graph_->add(Delay{}, after);
  for (const std::uint32_t rank : ranks) sent_.last[rank] = received_.last[rank] = all;
}

void RankSteps::join_all() {
  std::vector<std::uint32_t> ranks(devices_.size());
  std::iota(ranks.begin(), ranks.end(), 0U);
  join(ranks);
}

std::vector<OpId> RankSteps::done() {
  std::vector<OpId> done;
  for (std::uint32_t rank = 0; rank < devices_.size(); ++rank) {
    const std::array one{rank};
    join(one);
    if (!sent_.last[rank]) sent_.last[rank] = graph_->add(Delay{});
    done.push_back(*sent_.last[rank]);
  }
  return done;
}

}  // namespace rigsim::topology
