#include "topology/machine_ways.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace rigsim::topology {
namespace {

/// What a table depends on: per node whether it forwards; per arc its ends, direction and price.
using Wiring = std::vector<std::int64_t>;

Wiring wiring_of(const std::vector<bool>& forwards, std::span<const PricedArc> arcs) {
  Wiring wiring{static_cast<std::int64_t>(forwards.size())};
  for (const bool forward : forwards) wiring.push_back(forward ? 1 : 0);
  for (const PricedArc& arc : arcs)
    wiring.insert(wiring.end(), {arc.from, arc.to, arc.hop.cable, arc.price.ps});
  return wiring;
}

}  // namespace

MachineWays::MachineWays(const Rig& rig) {
  place(rig);
  add_cables(rig);
  std::map<Wiring, std::size_t> known;
  for (Machine& machine : machines_) {
    std::vector<bool> forwards;
    for (const NodeId node : machine.nodes)
      forwards.push_back(rig.nodes[index(node)].kind != NodeKind::kDevice);
    const std::vector<PricedArc> roads = arcs(rig, machine);
    const auto [entry, fresh] = known.try_emplace(wiring_of(forwards, roads), tables_.size());
    if (fresh) tables_.push_back(table(forwards, roads));
    machine.table = entry->second;
  }
}

void MachineWays::place(const Rig& rig) {
  std::map<std::uint32_t, std::uint32_t> machine_numbers;
  std::vector<std::uint32_t> devices;
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i) {
    const Node& node = rig.nodes[i];
    if (node.kind == NodeKind::kNetworkSwitch) {
      places_.push_back({0, 0, 0, false});
      continue;
    }
    const auto [entry, fresh] =
        machine_numbers.try_emplace(node.machine, static_cast<std::uint32_t>(machines_.size()));
    if (fresh) {
      machines_.emplace_back();
      devices.push_back(0);
    }
    Machine& machine = machines_[entry->second];
    places_.push_back({entry->second, static_cast<std::uint32_t>(machine.nodes.size()), 0, true});
    machine.nodes.push_back(NodeId{i});
    if (node.kind == NodeKind::kHost) machine.hosts.push_back(NodeId{i});
    if (node.kind == NodeKind::kDevice) places_.back().rank = devices[entry->second]++;
  }
}

void MachineWays::add_cables(const Rig& rig) {
  std::vector<bool> is_port(rig.nodes.size());
  for (std::uint32_t i = 0; i < rig.cables.size(); ++i) {
    const Cable& cable = rig.cables[i];
    if (cable.kind == CableKind::kNetwork) {
      is_port[index(cable.a)] = is_port[index(cable.b)] = true;
    } else {
      machines_[places_[index(cable.a)].machine].cables.push_back(i);
    }
  }
  for (Machine& machine : machines_)
    std::ranges::copy_if(machine.nodes, std::back_inserter(machine.ports),
                         [&](NodeId node) { return is_port[index(node)]; });
}

std::vector<PricedArc> MachineWays::arcs(const Rig& rig, const Machine& machine) const {
  std::vector<PricedArc> found;
  for (std::uint32_t i = 0; i < machine.cables.size(); ++i) {
    const Cable& cable = rig.cables[machine.cables[i]];
    const std::uint32_t a = places_[index(cable.a)].number;
    const std::uint32_t b = places_[index(cable.b)].number;
    const RoutePrice price = price_of(cable);
    found.push_back({a, b, {i, true}, price});
    found.push_back({b, a, {i, false}, price});
  }
  return found;
}

MachineWays::Table MachineWays::table(const std::vector<bool>& forwards,
                                      std::span<const PricedArc> arcs) {
  const std::size_t nodes = forwards.size();
  std::vector<std::uint32_t> sources(nodes);
  std::iota(sources.begin(), sources.end(), 0U);
  const std::vector<RoutePrice> prices = cheapest_prices(forwards, arcs, sources);
  const ArcsByHead by_head(nodes, arcs);
  Table table{nodes, std::vector<Arrival>(nodes * nodes)};
  for (std::uint32_t from = 0; from < nodes; ++from) {
    const auto price = [&](std::uint32_t node) { return prices[from * nodes + node]; };
    for (std::uint32_t to = 0; to < nodes; ++to) {
      Arrival& arrival = table.arrivals[from * nodes + to];
      arrival.price = price(to);
      if (to == from || arrival.price == kUnreachable) continue;
      const auto last = std::ranges::find_if(by_head.into(to), [&](const PricedArc& arc) {
        return (arc.from == from || forwards[arc.from]) &&
               price(arc.from) + arc.price == arrival.price;
      });
      arrival.previous = last->from;
      arrival.hop = last->hop;
    }
  }
  return table;
}

bool MachineWays::in_one_machine(NodeId from, NodeId to) const {
  const Place& a = places_[index(from)];
  const Place& b = places_[index(to)];
  return a.in_a_machine && b.in_a_machine && a.machine == b.machine;
}

const MachineWays::Arrival& MachineWays::arrival(NodeId from, NodeId to) const {
  const Place& place = places_[index(from)];
  const Table& table = tables_[machines_[place.machine].table];
  return table.arrivals[place.number * table.nodes + places_[index(to)].number];
}

RoutePrice MachineWays::price(NodeId from, NodeId to) const {
  return in_one_machine(from, to) ? arrival(from, to).price : kUnreachable;
}

void MachineWays::append(NodeId from, NodeId to, std::vector<Hop>& hops) const {
  const Machine& machine = machines_[places_[index(from)].machine];
  const auto first = static_cast<std::ptrdiff_t>(hops.size());
  while (to != from) {
    const Arrival& last = arrival(from, to);
    hops.push_back({machine.cables[last.hop.cable], last.hop.a_to_b});
    to = machine.nodes[last.previous];
  }
  std::reverse(hops.begin() + first, hops.end());
}

std::span<const NodeId> MachineWays::hosts_beside(NodeId node) const {
  const Place& place = places_[index(node)];
  if (!place.in_a_machine) return {};
  return machines_[place.machine].hosts;
}

std::span<const NodeId> MachineWays::ports_beside(NodeId node) const {
  const Place& place = places_[index(node)];
  if (!place.in_a_machine) return {};
  return machines_[place.machine].ports;
}

}  // namespace rigsim::topology
