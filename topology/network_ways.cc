#include "topology/network_ways.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace rigsim::topology {
namespace {

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

}  // namespace

NetworkWays::NetworkWays(const Rig& rig) {
  place(rig);
  add_ports(rig);
  price_switches(rig);
}

void NetworkWays::place(const Rig& rig) {
  places_.resize(rig.nodes.size());
  for (std::size_t i = 0; i < rig.nodes.size(); ++i)
    if (rig.nodes[i].kind == NodeKind::kNetworkSwitch) places_[i].network_switch = switches_++;
}

/// Network cables between a port and anything, by the port.
void NetworkWays::add_ports(const Rig& rig) {
  std::vector<std::vector<Access>> found(rig.nodes.size());
  const auto add = [&](NodeId from, NodeId to, Hop hop, RoutePrice price) {
    if (places_[index(from)].network_switch) return;
    if (const auto far = places_[index(to)].network_switch) {
      found[index(from)].push_back({*far, price, hop});
    } else {
      direct_.push_back({from, to, hop, price});
    }
  };
  for (std::uint32_t i = 0; i < rig.cables.size(); ++i) {
    const Cable& cable = rig.cables[i];
    if (cable.kind != CableKind::kNetwork) continue;
    add(cable.a, cable.b, {i, true}, price_of(cable));
    add(cable.b, cable.a, {i, false}, price_of(cable));
  }
  std::uint32_t ports = 0;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].network_switch) found[i].push_back({*places_[i].network_switch, {}, {}});
    places_[i].first_access = static_cast<std::uint32_t>(accesses_.size());
    places_[i].accesses = static_cast<std::uint32_t>(found[i].size());
    if (!found[i].empty() && !places_[i].network_switch) places_[i].port = ports++;
    accesses_.insert(accesses_.end(), found[i].begin(), found[i].end());
  }
  std::ranges::sort(direct_, {}, [](const DirectCable& cable) {
    return std::tuple(cable.from, cable.to, cable.price, cable.hop.cable);
  });
}

void NetworkWays::price_switches(const Rig& rig) {
  std::vector<PricedArc> arcs;
  for (std::uint32_t i = 0; i < rig.cables.size(); ++i) {
    const Cable& cable = rig.cables[i];
    if (cable.kind != CableKind::kNetwork) continue;
    const auto a = places_[index(cable.a)].network_switch;
    const auto b = places_[index(cable.b)].network_switch;
    if (!a || !b) continue;
    arcs.push_back({*a, *b, {i, true}, price_of(cable)});
    arcs.push_back({*b, *a, {i, false}, price_of(cable)});
  }
  std::vector<std::uint32_t> sources(switches_);
  std::iota(sources.begin(), sources.end(), 0U);
  prices_ = cheapest_prices(std::vector<bool>(switches_, true), arcs, sources);
  arcs_ = ArcsByHead(switches_, arcs);
}

NetworkWays::Way NetworkWays::cheapest(NodeId from, NodeId to) const {
  Way best;
  const auto direct = std::ranges::lower_bound(
      direct_, std::tuple(from, to), {},
      [](const DirectCable& cable) { return std::tuple(cable.from, cable.to); });
  if (direct != direct_.end() && direct->from == from && direct->to == to)
    best = {direct->price, direct->hop, {}, {}};
  const auto accesses = [&](NodeId node) {
    const Place& place = places_[index(node)];
    return std::span(accesses_).subspan(place.first_access, place.accesses);
  };
  for (const Access& start : accesses(from))
    for (const Access& finish : accesses(to)) {
      const RoutePrice price =
          start.price + between(start.network_switch, finish.network_switch) + finish.price;
      if (price < best.price) best = {price, std::nullopt, start, finish};
    }
  return best;
}

RoutePrice NetworkWays::price(NodeId from, NodeId to) const { return cheapest(from, to).price; }

void NetworkWays::append(NodeId from, NodeId to, std::vector<Hop>& hops) const {
  const Way way = cheapest(from, to);
  if (way.direct) {
    hops.push_back(*way.direct);
    return;
  }
  if (way.start.hop) hops.push_back(*way.start.hop);
  append_switches(way.start.network_switch, way.finish.network_switch, places_[index(to)].port,
                  hops);
  if (way.finish.hop) hops.push_back({way.finish.hop->cable, !way.finish.hop->a_to_b});
}

void NetworkWays::append_switches(std::uint32_t from, std::uint32_t to, std::uint32_t key,
                                  std::vector<Hop>& hops) const {
  const auto first = static_cast<std::ptrdiff_t>(hops.size());
  while (to != from) {
    const auto ends_a_cheapest_way = [&](const PricedArc& arc) {
      return between(from, arc.from) + arc.price == between(from, to);
    };
    const auto into = arcs_.into(to);
    const auto ways = static_cast<std::uint32_t>(std::ranges::count_if(into, ends_a_cheapest_way));
    std::uint32_t skip = key % ways;
    const auto last = std::ranges::find_if(
        into, [&](const PricedArc& arc) { return ends_a_cheapest_way(arc) && skip-- == 0; });
    key /= ways;
    hops.push_back(last->hop);
    to = last->from;
  }
  std::reverse(hops.begin() + first, hops.end());
}

}  // namespace rigsim::topology
