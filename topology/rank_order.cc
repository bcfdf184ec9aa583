#include "topology/rank_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <stdexcept>

namespace rigsim::topology {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

std::uint32_t index(NodeId node) { return static_cast<std::uint32_t>(node); }

bool joins_peers(const Rig& rig, const Cable& cable) {
  const bool peer_kind = cable.kind == CableKind::kNvlink || cable.kind == CableKind::kXgmi ||
                         cable.kind == CableKind::kC2c;
  return peer_kind && rig.nodes[index(cable.a)].kind == NodeKind::kDevice &&
         rig.nodes[index(cable.b)].kind == NodeKind::kDevice;
}

// What hangs on what: hosts are the roots of the trees of PCIe and on-die cables.
class Trees {
 public:
  Trees(const Rig& rig, std::span<const std::uint32_t> devices)
      : rig_(rig), parent_(rig.nodes.size(), kNone), first_(rig.nodes.size(), kNone) {
    hang_nodes_on_hosts();
    place(devices);
  }

  [[nodiscard]] std::uint32_t node(std::uint32_t device) const { return node_of_[device]; }

  // From the machine down: where the earliest device of each part stands in the given order. To
  // sort by it is to walk the trees part by part.
  [[nodiscard]] std::vector<std::uint32_t> way_down(std::uint32_t device) const {
    std::vector<std::uint32_t> way;
    for (std::uint32_t at = node_of_[device]; at != kNone; at = parent_[at]) {
      way.push_back(first_[at]);
    }
    way.push_back(first_of_machine_.at(rig_.nodes[node_of_[device]].machine));
    std::ranges::reverse(way);
    return way;
  }

 private:
  void hang_nodes_on_hosts() {
    std::vector<std::vector<std::uint32_t>> beside(rig_.nodes.size());
    for (const Cable& cable : rig_.cables) {
      if (cable.kind != CableKind::kPcie && cable.kind != CableKind::kOnDie) continue;
      beside[index(cable.a)].push_back(index(cable.b));
      beside[index(cable.b)].push_back(index(cable.a));
    }
    std::vector<std::uint32_t> reached;
    std::vector<bool> seen(rig_.nodes.size());
    for (std::uint32_t node = 0; node < rig_.nodes.size(); ++node) {
      seen[node] = rig_.nodes[node].kind == NodeKind::kHost;
      if (seen[node]) reached.push_back(node);
    }
    for (std::size_t next = 0; next < reached.size(); ++next) {
      const std::uint32_t above = reached[next];
      for (const std::uint32_t node : beside[above]) {
        if (seen[node]) continue;
        seen[node] = true;
        parent_[node] = above;
        reached.push_back(node);
      }
    }
  }

  void place(std::span<const std::uint32_t> devices) {
    node_of_.assign(rig_.devices.size(), kNone);
    for (std::uint32_t node = 0; node < rig_.nodes.size(); ++node) {
      if (rig_.nodes[node].device) node_of_[*rig_.nodes[node].device] = node;
    }
    for (std::uint32_t place = 0; place < devices.size(); ++place) {
      const std::uint32_t device = devices[place];
      if (device >= node_of_.size() || node_of_[device] == kNone) {
        throw std::invalid_argument(fmt::format("ring order: device {} is unknown, the rig has {}",
                                                device, node_of_.size()));
      }
      const std::uint32_t node = node_of_[device];
      if (first_[node] != kNone) {
        throw std::invalid_argument(fmt::format("ring order: device {} is given twice", device));
      }
      first_of_machine_.emplace(rig_.nodes[node].machine, place);
      for (std::uint32_t at = node; at != kNone && first_[at] == kNone; at = parent_[at]) {
        first_[at] = place;
      }
    }
  }

  const Rig& rig_;
  std::vector<std::uint32_t> parent_;   // by node
  std::vector<std::uint32_t> first_;    // by node: the place of its earliest device
  std::vector<std::uint32_t> node_of_;  // by device
  std::map<std::uint32_t, std::uint32_t> first_of_machine_;
};

}  // namespace

std::vector<std::uint32_t> ring_order(const Rig& rig, std::span<const std::uint32_t> devices) {
  const Trees trees(rig, devices);
  std::vector<std::pair<std::vector<std::uint32_t>, std::uint32_t>> walk;
  for (const std::uint32_t device : devices) walk.emplace_back(trees.way_down(device), device);
  std::ranges::sort(walk);
  std::vector<std::uint32_t> place(rig.nodes.size(), kNone);  // by node
  for (std::uint32_t i = 0; i < walk.size(); ++i) place[trees.node(walk[i].second)] = i;
  std::vector<std::vector<std::uint32_t>> peers(walk.size());  // by place
  for (const Cable& cable : rig.cables) {
    if (!joins_peers(rig, cable)) continue;
    const std::uint32_t a = place[index(cable.a)];
    const std::uint32_t b = place[index(cable.b)];
    if (a == kNone || b == kNone) continue;
    peers[a].push_back(b);
    peers[b].push_back(a);
  }
  std::vector<std::uint32_t> order;
  std::vector<bool> done(walk.size());
  for (std::uint32_t start = 0; start < walk.size(); ++start) {
    for (std::uint32_t at = start; at != kNone && !done[at];) {
      done[at] = true;
      order.push_back(walk[at].second);
      std::uint32_t next = kNone;
      for (const std::uint32_t peer : peers[at]) {
        if (!done[peer]) next = std::min(next, peer);
      }
      at = next;
    }
  }
  return order;
}

}  // namespace rigsim::topology
