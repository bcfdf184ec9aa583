#include "analysis/rig_view.h"

#include <algorithm>
#include <stdexcept>

#include "topology/network.h"

namespace rigsim::analysis {
namespace {

using topology::CableKind;
using topology::Node;
using topology::NodeId;
using topology::NodeKind;
using topology::Rig;

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

/// PCIe and what lies between it and the host makes the tree.
bool in_tree(CableKind kind) { return kind == CableKind::kPcie || kind == CableKind::kOnDie; }

/// Whole machines as long as their devices are few enough; at least some devices.
std::vector<bool> shown_nodes(const Rig& rig, std::size_t most_devices) {
  std::size_t devices = 0;
  std::vector<bool> shown(rig.nodes.size(), false);
  std::uint32_t last = 0;
  for (const Node& node : rig.nodes) last = std::max(last, node.machine);
  std::vector<std::size_t> count(std::size_t{last} + 1, 0);
  for (const Node& node : rig.nodes)
    if (node.kind == NodeKind::kDevice) ++count[node.machine];
  std::uint32_t machines = 0;
  while (machines <= last && (machines == 0 || devices + count[machines] <= most_devices))
    devices += count[machines++];
  std::size_t taken = 0;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const Node& node = rig.nodes[i];
    if (node.kind == NodeKind::kNetworkSwitch) continue;
    if (node.kind == NodeKind::kDevice && taken >= most_devices) continue;
    shown[i] = node.machine < machines;
    taken += shown[i] && node.kind == NodeKind::kDevice ? 1 : 0;
  }
  // Switches between machines are shown where something shown is plugged into them.
  for (const topology::Cable& cable : rig.cables)
    for (const auto& [end, other] : {std::pair(cable.a, cable.b), std::pair(cable.b, cable.a)})
      if (rig.nodes[index(end)].kind == NodeKind::kNetworkSwitch && shown[index(other)] &&
          rig.nodes[index(other)].kind != NodeKind::kNetworkSwitch)
        shown[index(end)] = true;
  return shown;
}

/// Walks the tree below `at`, cables in the rig's order.
class TreeWalk {
 public:
  TreeWalk(const Rig& rig, const std::vector<bool>& shown, RigView& view)
      : rig_(rig), shown_(shown), view_(view), at_(rig.nodes.size()), seen_(rig.nodes.size()) {
    for (std::uint32_t i = 0; i < rig.cables.size(); ++i) {
      at_[index(rig.cables[i].a)].push_back(i);
      at_[index(rig.cables[i].b)].push_back(i);
    }
  }

  void from(NodeId root) { visit(root, 0, std::nullopt); }
  [[nodiscard]] bool seen(NodeId node) const { return seen_[index(node)]; }

 private:
  void visit(NodeId node, int depth, std::optional<std::uint32_t> by) {
    seen_[index(node)] = true;
    view_.tree.push_back({depth, node, by});
    for (const std::uint32_t c : at_[index(node)]) {
      const topology::Cable& cable = rig_.cables[c];
      const NodeId next = cable.a == node ? cable.b : cable.a;
      if (in_tree(cable.kind) && shown_[index(next)] && !seen_[index(next)])
        visit(next, depth + 1, c);
    }
  }

  const Rig& rig_;
  const std::vector<bool>& shown_;
  RigView& view_;
  std::vector<std::vector<std::uint32_t>> at_;  // cables by node
  std::vector<bool> seen_;
};

void add_tree(const Rig& rig, const std::vector<bool>& shown, RigView& view) {
  TreeWalk walk(rig, shown, view);
  for (const NodeId node : view.nodes)
    if (rig.nodes[index(node)].kind == NodeKind::kHost) walk.from(node);
  // What reaches no host by PCIe (an Apple SoC, a switch between machines) stands for itself.
  for (const NodeId node : view.nodes)
    if (!walk.seen(node)) walk.from(node);
  std::vector<bool> used(rig.cables.size(), false);
  for (const TreeLine& line : view.tree)
    if (line.cable) used[*line.cable] = true;
  for (std::uint32_t i = 0; i < rig.cables.size(); ++i)
    if (!used[i] && shown[index(rig.cables[i].a)] && shown[index(rig.cables[i].b)])
      view.side_cables.push_back(i);
}

std::optional<PairView> pair_view(const topology::RigNetwork& network, std::uint32_t from,
                                  std::uint32_t to, topology::PairPath path) {
  if (from == to) return PairView{path, false, {}, {}, {}};
  if (path.path == topology::PathClass::kNone) return std::nullopt;
  const topology::CopyPath copy = network.route(from, to);
  return PairView{path, copy.staged, copy.uncontended, copy.fixed_cost, copy.via};
}

void add_pairs(const Rig& rig, RigView& view) {
  const topology::RigNetwork network(rig);
  std::vector<NodeId> node_of(rig.devices.size());
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i)
    if (rig.nodes[i].device) node_of[*rig.nodes[i].device] = NodeId{i};
  for (const std::uint32_t from : view.devices) {
    const auto paths = topology::paths_from(rig, node_of[from]);
    for (const std::uint32_t to : view.devices)
      view.pairs.push_back(pair_view(network, from, to, paths[index(node_of[to])]));
  }
}

}  // namespace

RigView view_of(const Rig& rig, std::size_t most_devices) {
  const std::vector<bool> shown = shown_nodes(rig, most_devices);
  RigView view;
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i) {
    if (!shown[i]) continue;
    view.nodes.push_back(NodeId{i});
    if (rig.nodes[i].device) view.devices.push_back(*rig.nodes[i].device);
  }
  std::sort(view.devices.begin(), view.devices.end());
  view.complete = view.devices.size() == rig.devices.size();
  add_tree(rig, shown, view);
  add_pairs(rig, view);
  return view;
}

}  // namespace rigsim::analysis
