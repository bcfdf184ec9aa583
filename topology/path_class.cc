#include "topology/path_class.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <queue>
#include <stdexcept>

namespace rigsim::topology {
namespace {

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

/// What a way has passed so far.
struct Way {
  bool reached = false;
  int switches = 0;
  int roots = 0;
  int hosts = 0;
  bool socket_link = false;
  bool network = false;
};

/// The number behind the last 'x' of "nvlink3x12"; 1 where there is none.
int bonded_links(std::string_view type) {
  const std::size_t x = type.rfind('x');
  if (x == std::string_view::npos || x + 1 == type.size()) return 1;
  int links = 0;
  for (const char c : type.substr(x + 1)) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return 1;
    links = std::min(links * 10 + (c - '0'), 1'000'000);
  }
  return std::max(links, 1);
}

bool joins_peers(CableKind kind) {
  return kind == CableKind::kNvlink || kind == CableKind::kXgmi || kind == CableKind::kC2c;
}

PathClass class_of(CableKind kind) {
  if (kind == CableKind::kXgmi) return PathClass::kXgmi;
  return kind == CableKind::kC2c ? PathClass::kC2c : PathClass::kNvlink;
}

/// [nodes] the cables at each, by index.
std::vector<std::vector<std::uint32_t>> cables_at(const Rig& rig) {
  std::vector<std::vector<std::uint32_t>> at(rig.nodes.size());
  for (std::uint32_t i = 0; i < rig.cables.size(); ++i) {
    at[index(rig.cables[i].a)].push_back(i);
    at[index(rig.cables[i].b)].push_back(i);
  }
  return at;
}

NodeId other_end(const Cable& cable, NodeId node) { return cable.a == node ? cable.b : cable.a; }

Way passed(Way way, const Node& node, const Cable& next) {
  way.switches += node.kind == NodeKind::kPcieSwitch ? 1 : 0;
  way.roots += node.kind == NodeKind::kRootComplex ? 1 : 0;
  way.hosts += node.kind == NodeKind::kHost ? 1 : 0;
  way.socket_link = way.socket_link || next.kind == CableKind::kSocket;
  way.network = way.network || next.kind == CableKind::kNetwork;
  return way;
}

PathClass class_of(const Way& way) {
  if (!way.reached) return PathClass::kNone;
  if (way.network) return PathClass::kNet;
  if (way.socket_link || way.hosts > 1) return PathClass::kSys;
  if (way.roots > 1) return PathClass::kNode;
  if (way.hosts + way.roots > 0) return PathClass::kPhb;
  return way.switches > 1 ? PathClass::kPxb : PathClass::kPix;
}

/// The way from `from` to every node over all but peer links. Devices forward nothing.
std::vector<Way> ways_from(const Rig& rig, const std::vector<std::vector<std::uint32_t>>& cables,
                           NodeId from) {
  std::vector<Way> ways(rig.nodes.size());
  ways[index(from)].reached = true;
  std::queue<NodeId> open({from});
  while (!open.empty()) {
    const NodeId here = open.front();
    open.pop();
    const Node& node = rig.nodes[index(here)];
    if (here != from && node.kind == NodeKind::kDevice) continue;
    for (const std::uint32_t c : cables[index(here)]) {
      const Cable& cable = rig.cables[c];
      const NodeId next = other_end(cable, here);
      if (joins_peers(cable.kind) || ways[index(next)].reached) continue;
      ways[index(next)] =
          here == from ? passed(Way{}, Node{}, cable) : passed(ways[index(here)], node, cable);
      ways[index(next)].reached = true;
      open.push(next);
    }
  }
  return ways;
}

/// Peer links straight to a device, or through one switch.
void add_peers(const Rig& rig, const std::vector<std::vector<std::uint32_t>>& cables, NodeId from,
               std::vector<PairPath>& pairs) {
  std::vector<int> links(rig.nodes.size(), 0);
  const auto add = [&](NodeId to, const Cable& cable, int count) {
    if (to == from) return;
    links[index(to)] += count;
    pairs[index(to)] = {class_of(cable.kind), links[index(to)]};
  };
  for (const std::uint32_t c : cables[index(from)]) {
    const Cable& cable = rig.cables[c];
    if (!joins_peers(cable.kind)) continue;
    const NodeId hub = other_end(cable, from);
    const int mine = bonded_links(cable.type);
    add(hub, cable, mine);
    if (rig.nodes[index(hub)].kind != NodeKind::kNvSwitch) continue;
    for (const std::uint32_t d : cables[index(hub)]) {
      const Cable& onward = rig.cables[d];
      if (d != c) add(other_end(onward, hub), onward, std::min(mine, bonded_links(onward.type)));
    }
  }
}

}  // namespace

std::string to_string(const PairPath& pair) {
  switch (pair.path) {
    case PathClass::kSelf:
      return "X";
    case PathClass::kNvlink:
      return fmt::format("NV{}", pair.links);
    case PathClass::kXgmi:
      return "XGMI";
    case PathClass::kC2c:
      return "C2C";
    case PathClass::kPix:
      return "PIX";
    case PathClass::kPxb:
      return "PXB";
    case PathClass::kPhb:
      return "PHB";
    case PathClass::kNode:
      return "NODE";
    case PathClass::kSys:
      return "SYS";
    case PathClass::kNet:
      return "NET";
    case PathClass::kNone:
      return "-";
  }
  throw std::logic_error("unknown path class");
}

std::vector<PairPath> paths_from(const Rig& rig, NodeId from) {
  if (index(from) >= rig.nodes.size())
    throw std::invalid_argument(fmt::format("rig {}: node {} is unknown, it has {}", rig.name,
                                            index(from), rig.nodes.size()));
  const auto cables = cables_at(rig);
  std::vector<PairPath> pairs;
  for (const Way& way : ways_from(rig, cables, from)) pairs.push_back({class_of(way), 0});
  add_peers(rig, cables, from, pairs);
  pairs[index(from)] = {PathClass::kSelf, 0};
  return pairs;
}

}  // namespace rigsim::topology
