#include "configs/rig_wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <utility>

namespace rigsim::configs {
namespace {

using topology::Cable;
using topology::NodeId;
using topology::NodeKind;
using topology::Rig;

constexpr std::array<std::pair<std::string_view, NodeKind>, 4> kKinds = {
    {{"device", NodeKind::kDevice},
     {"host", NodeKind::kHost},
     {"pcie-switch", NodeKind::kPcieSwitch},
     {"nvswitch", NodeKind::kNvSwitch}}};

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

/// Joins nodes cable by cable (union-find), to find the cable that closes a cycle.
class Groups {
 public:
  explicit Groups(std::size_t size) : parent_(size) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  [[nodiscard]] std::size_t of(std::size_t node) const {
    while (parent_[node] != node) node = parent_[node];
    return node;
  }
  bool join(std::size_t a, std::size_t b) {
    const std::size_t root_a = of(a);
    const std::size_t root_b = of(b);
    parent_[root_b] = root_a;
    return root_a != root_b;
  }

 private:
  std::vector<std::size_t> parent_;
};

/// Reads one rig's wiring; remembers node names.
class WiringReader {
 public:
  explicit WiringReader(Rig& rig) : rig_(rig) {}

  void read(ObjectReader& entry) {
    const auto nodes = entry.optional_value("nodes");
    if (nodes) read_nodes(*nodes);
    add_unlisted_devices();
    const auto cables = entry.optional_value("cables");
    if (cables) read_cables(*cables);
    if (const auto peers = entry.optional_value("peer_access")) read_peers(*peers);
    if (cables) check_reach(*cables);
  }

 private:
  void add(topology::Node node) {
    names_.push_back(node.name);
    rig_.nodes.push_back(std::move(node));
  }

  [[nodiscard]] std::optional<std::uint32_t> device_named(const std::string& name) const {
    for (std::uint32_t i = 0; i < rig_.devices.size(); ++i) {
      if (rig_.devices[i].name == name) return i;
    }
    return std::nullopt;
  }

  void read_nodes(const ValueReader& list) {
    for (const ValueReader& item : list.items()) {
      ObjectReader map = item.object();
      const auto name = map.required<std::string>("name");
      const auto kind =
          map.value("kind").choice<NodeKind>({kKinds[0], kKinds[1], kKinds[2], kKinds[3]});
      const auto device = device_named(name);
      if (std::find(names_.begin(), names_.end(), name) != names_.end()) {
        map.value("name").fail(fmt::format("two nodes are named {}", in_quotes(name)));
      }
      if (device.has_value() != (kind == NodeKind::kDevice)) {
        map.value("kind").fail(
            device ? fmt::format("{} is a device of this rig", in_quotes(name))
                   : fmt::format("no device of this rig is named {}", in_quotes(name)));
      }
      map.finish();
      add({kind, name, device});
    }
  }

  void add_unlisted_devices() {
    for (std::uint32_t i = 0; i < rig_.devices.size(); ++i) {
      const std::string& name = rig_.devices[i].name;
      const bool listed = std::find(names_.begin(), names_.end(), name) != names_.end();
      if (!listed) add({NodeKind::kDevice, name, i});
    }
  }

  NodeId read_end(ObjectReader& cable, std::string_view key) {
    const ValueReader value = cable.value(key);
    const auto name = value.as<std::string>();
    const auto found = std::find(names_.begin(), names_.end(), name);
    if (found == names_.end()) value.fail_choice(name, names_);
    return NodeId{static_cast<std::uint32_t>(found - names_.begin())};
  }

  void read_cables(const ValueReader& list) {
    Groups pcie(rig_.nodes.size());
    for (const ValueReader& item : list.items()) {
      ObjectReader map = item.object();
      Cable cable;
      cable.a = read_end(map, "a");
      cable.b = read_end(map, "b");
      cable.type = map.value_or<std::string>("type", "pcie");
      cable.per_direction = map.required<sim::Bandwidth>("bandwidth");
      cable.latency = map.value_or("latency", sim::Duration::zero(), Zero::kAllowed);
      map.finish();
      check_cable(item, cable, pcie);
      rig_.cables.push_back(std::move(cable));
    }
  }

  void check_cable(const ValueReader& item, const Cable& cable, Groups& pcie) const {
    const std::string& a = names_[index(cable.a)];
    const std::string& b = names_[index(cable.b)];
    if (cable.a == cable.b) item.fail(fmt::format("a cable from {} to itself", in_quotes(a)));
    for (const Cable& other : rig_.cables) {
      const bool same =
          (other.a == cable.a && other.b == cable.b) || (other.a == cable.b && other.b == cable.a);
      if (same && other.type == cable.type) {
        item.fail(fmt::format("a second {} cable between {} and {}; give one with the sum of both",
                              cable.type, in_quotes(a), in_quotes(b)));
      }
    }
    if (cable.type.starts_with("pcie") && !pcie.join(index(cable.a), index(cable.b))) {
      item.fail(fmt::format("this PCIe cable from {} to {} closes a cycle; PCIe is a tree",
                            in_quotes(a), in_quotes(b)));
    }
  }

  void read_peers(const ValueReader& list) {
    for (const ValueReader& item : list.items()) {
      ObjectReader map = item.object();
      const std::uint32_t from = read_device(map, "from");
      const std::uint32_t to = read_device(map, "to");
      if (from == to) item.fail("a device needs no peer access to itself");
      map.finish();
      rig_.peer_access.push_back({from, to});
    }
  }

  std::uint32_t read_device(ObjectReader& map, std::string_view key) {
    const ValueReader value = map.value(key);
    const auto name = value.as<std::string>();
    const auto device = device_named(name);
    if (device) return *device;
    std::vector<std::string> names;
    for (const topology::InstalledDevice& installed : rig_.devices) names.push_back(installed.name);
    value.fail_choice(name, names);
  }

  void check_reach(const ValueReader& list) const {
    if (rig_.cables.empty()) return;
    Groups all(rig_.nodes.size());
    for (const Cable& cable : rig_.cables) all.join(index(cable.a), index(cable.b));
    for (std::size_t i = 0; i < rig_.nodes.size(); ++i) {
      if (rig_.nodes[i].kind != NodeKind::kDevice || reaches_host(all, i)) continue;
      list.fail(
          fmt::format("{} reaches no host over these cables; every device needs a way to a "
                      "node of kind host",
                      in_quotes(names_[i])));
    }
  }

  [[nodiscard]] bool reaches_host(const Groups& groups, std::size_t device) const {
    for (std::size_t i = 0; i < rig_.nodes.size(); ++i) {
      if (rig_.nodes[i].kind == NodeKind::kHost && groups.of(i) == groups.of(device)) return true;
    }
    return false;
  }

  Rig& rig_;
  std::vector<std::string> names_;  ///< of the rig's nodes, in order
};

}  // namespace

void read_wiring(ObjectReader& entry, Rig& rig) { WiringReader(rig).read(entry); }

void write_wiring(YamlWriter& out, const Rig& rig) {
  out.begin_list("nodes");
  for (const topology::Node& node : rig.nodes) {
    out.begin_item();
    out.value("name", node.name);
    for (const auto& [name, kind] : kKinds) {
      if (kind == node.kind) out.value("kind", name);
    }
    out.end();
  }
  out.end();
  if (rig.cables.empty()) {
    out.empty_list("cables");
  } else {
    out.begin_list("cables");
  }
  for (const Cable& cable : rig.cables) {
    out.begin_item();
    out.value("a", rig.nodes[index(cable.a)].name);
    out.value("b", rig.nodes[index(cable.b)].name);
    out.value("type", cable.type);
    out.value("bandwidth", to_text(cable.per_direction));
    out.value("latency", to_text(cable.latency));
    out.end();
  }
  if (!rig.cables.empty()) out.end();
  if (rig.peer_access.empty()) return;
  out.begin_list("peer_access");
  for (const topology::PeerAccess& peer : rig.peer_access) {
    out.begin_item();
    out.value("from", rig.devices[peer.from].name);
    out.value("to", rig.devices[peer.to].name);
    out.end();
  }
  out.end();
}

}  // namespace rigsim::configs
