#include "topology/route.h"

#include <fmt/format.h>

#include <stdexcept>
#include <tuple>

#include "topology/rig_check.h"

namespace rigsim::topology {
namespace {

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

const Rig& checked(const Rig& rig) {
  validate(rig);
  return rig;
}

}  // namespace

RouteTable::RouteTable(const Rig& rig) : machines_(checked(rig)), network_(rig) {
  names_.reserve(rig.nodes.size());
  for (const Node& node : rig.nodes) names_.push_back(node.name);
}

void RouteTable::check(NodeId node) const {
  if (index(node) >= names_.size())
    throw std::invalid_argument(
        fmt::format("node {} is unknown, the rig has {}", index(node), names_.size()));
}

/// The ports of its machine; a network switch is its own.
std::vector<NodeId> RouteTable::ports_of(NodeId node) const {
  const auto ports = machines_.ports_beside(node);
  if (machines_.price(node, node) == kUnreachable) return {node};
  return {ports.begin(), ports.end()};
}

RoutePrice RouteTable::to_port(NodeId node, NodeId port) const {
  return node == port ? RoutePrice{} : machines_.price(node, port);
}

RouteTable::Crossing RouteTable::crossing(NodeId from, NodeId to) const {
  const std::vector<NodeId> exits = ports_of(from);
  const std::vector<NodeId> entries = ports_of(to);
  const auto detour = [&](std::size_t port, NodeId node, std::size_t ports) {
    return static_cast<std::uint32_t>((port + ports - machines_.rank(node) % ports) % ports);
  };
  Crossing best;
  for (std::size_t i = 0; i < exits.size(); ++i)
    for (std::size_t j = 0; j < entries.size(); ++j) {
      const Crossing next{
          to_port(from, exits[i]) + network_.price(exits[i], entries[j]) + to_port(to, entries[j]),
          detour(i, from, exits.size()) + detour(j, to, entries.size()), exits[i], entries[j]};
      if (std::tie(next.price, next.detour) < std::tie(best.price, best.detour)) best = next;
    }
  return best;
}

bool RouteTable::connected(NodeId from, NodeId to) const {
  check(from);
  check(to);
  return from == to || machines_.price(from, to) != kUnreachable ||
         crossing(from, to).price != kUnreachable;
}

std::vector<Hop> RouteTable::route(NodeId from, NodeId to) const {
  check(from);
  check(to);
  std::vector<Hop> hops;
  if (from == to) return hops;
  if (machines_.price(from, to) != kUnreachable) {
    machines_.append(from, to, hops);
    return hops;
  }
  const Crossing way = crossing(from, to);
  if (way.price == kUnreachable)
    throw std::invalid_argument(
        fmt::format("no way from {} to {}", names_[index(from)], names_[index(to)]));
  if (from != way.exit) machines_.append(from, way.exit, hops);
  network_.append(way.exit, way.entry, hops);
  if (to != way.entry) machines_.append(way.entry, to, hops);
  return hops;
}

std::optional<NodeId> RouteTable::nearest_host(NodeId node) const {
  check(node);
  std::optional<NodeId> nearest;
  for (const NodeId host : machines_.hosts_beside(node)) {
    if (machines_.price(node, host) == kUnreachable) continue;
    if (!nearest || machines_.price(node, host).ps < machines_.price(node, *nearest).ps)
      nearest = host;
  }
  return nearest;
}

}  // namespace rigsim::topology
