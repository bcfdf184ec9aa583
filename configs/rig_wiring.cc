#include "configs/rig_wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "topology/node_groups.h"
#include "topology/rig_change.h"

namespace rigsim::configs {
namespace {

using topology::Cable;
using topology::CableKind;
using topology::NodeGroups;
using topology::NodeId;
using topology::NodeKind;
using topology::Rig;

constexpr std::array kNodeKinds = {
    NodeKind::kDevice,   NodeKind::kHost, NodeKind::kRootComplex,  NodeKind::kPcieSwitch,
    NodeKind::kNvSwitch, NodeKind::kNic,  NodeKind::kNetworkSwitch};
constexpr std::array kCableKinds = {CableKind::kPcie,   CableKind::kNvlink, CableKind::kXgmi,
                                    CableKind::kC2c,    CableKind::kSocket, CableKind::kOnDie,
                                    CableKind::kNetwork};
constexpr int kMostMachines = 1 << 20;

/// The one of `kinds` that `value` names.
template <class Kind, std::size_t N>
Kind read_kind(const ValueReader& value, const std::array<Kind, N>& kinds) {
  const auto text = value.as<std::string>();
  std::vector<std::string> names;
  for (const Kind kind : kinds) {
    if (to_string(kind) == text) return kind;
    names.emplace_back(to_string(kind));
  }
  value.fail_choice(text, names);
}

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

/// Reads one rig's wiring; remembers node names.
class WiringReader {
 public:
  explicit WiringReader(Rig& rig) : rig_(rig) {
    for (std::uint32_t i = 0; i < rig_.devices.size(); ++i) devices_[rig_.devices[i].name] = i;
  }

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
    nodes_[node.name] = NodeId{static_cast<std::uint32_t>(rig_.nodes.size())};
    rig_.nodes.push_back(std::move(node));
  }

  [[nodiscard]] std::optional<std::uint32_t> device_named(const std::string& name) const {
    const auto found = devices_.find(name);
    if (found == devices_.end()) return std::nullopt;
    return found->second;
  }

  void read_nodes(const ValueReader& list) {
    for (const ValueReader& item : list.items()) {
      ObjectReader map = item.object();
      const auto name = map.required<std::string>("name");
      const NodeKind kind = read_kind(map.value("kind"), kNodeKinds);
      const int machine = map.count_or("machine", 0, 0, kMostMachines);
      const auto device = device_named(name);
      if (nodes_.contains(name)) {
        map.value("name").fail(fmt::format("two nodes are named {}", in_quotes(name)));
      }
      if (device.has_value() != (kind == NodeKind::kDevice)) {
        map.value("kind").fail(
            device ? fmt::format("{} is a device of this rig", in_quotes(name))
                   : fmt::format("no device of this rig is named {}", in_quotes(name)));
      }
      map.finish();
      add({kind, name, device, static_cast<std::uint32_t>(machine)});
    }
  }

  void add_unlisted_devices() {
    for (std::uint32_t i = 0; i < rig_.devices.size(); ++i) {
      const std::string& name = rig_.devices[i].name;
      if (!nodes_.contains(name)) add({NodeKind::kDevice, name, i});
    }
  }

  NodeId read_end(ObjectReader& cable, std::string_view key) {
    const ValueReader value = cable.value(key);
    const auto name = value.as<std::string>();
    const auto found = nodes_.find(name);
    if (found != nodes_.end()) return found->second;
    std::vector<std::string> names;
    for (const topology::Node& node : rig_.nodes) names.push_back(node.name);
    value.fail_choice(name, names);
  }

  void read_cables(const ValueReader& list) {
    NodeGroups pcie(rig_.nodes.size());
    for (const ValueReader& item : list.items()) {
      ObjectReader map = item.object();
      Cable cable;
      cable.a = read_end(map, "a");
      cable.b = read_end(map, "b");
      read_make(map, cable);
      cable.per_direction = map.required<sim::Bandwidth>("bandwidth");
      cable.latency = map.value_or("latency", sim::Duration::zero(), Zero::kAllowed);
      map.finish();
      check_cable(item, cable, pcie);
      rig_.cables.push_back(std::move(cable));
    }
  }

  /// Without a kind, the type's beginning says it ("nvlink3x4"); without both it is PCIe.
  static void read_make(ObjectReader& map, Cable& cable) {
    const auto kind = map.optional_value("kind");
    const auto type = map.optional_value("type");
    if (type) cable.type = type->as<std::string>();
    if (kind) {
      cable.kind = read_kind(*kind, kCableKinds);
    } else if (type) {
      cable.kind = kind_of(*type, cable.type);
    }
    if (!type) cable.type = to_string(cable.kind);
  }

  static CableKind kind_of(const ValueReader& place, std::string_view type) {
    for (const CableKind kind : kCableKinds)
      if (type.starts_with(to_string(kind))) return kind;
    std::string kinds;
    for (const CableKind kind : kCableKinds)
      kinds += fmt::format("{}{}", kinds.empty() ? "" : ", ", to_string(kind));
    place.fail(fmt::format("{} does not begin with a kind of cable; give its kind, one of: {}",
                           in_quotes(type), kinds));
  }

  void check_cable(const ValueReader& item, const Cable& cable, NodeGroups& pcie) {
    const std::string& a = name_of(cable.a);
    const std::string& b = name_of(cable.b);
    if (cable.a == cable.b) item.fail(fmt::format("a cable from {} to itself", in_quotes(a)));
    const auto ends = std::minmax(cable.a, cable.b);
    if (!seen_.emplace(ends.first, ends.second, cable.type).second) {
      item.fail(fmt::format("a second {} cable between {} and {}; give one with the sum of both",
                            cable.type, in_quotes(a), in_quotes(b)));
    }
    if (cable.kind == CableKind::kPcie && !pcie.join(index(cable.a), index(cable.b))) {
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
    NodeGroups all(rig_.nodes.size());
    for (const Cable& cable : rig_.cables) all.join(index(cable.a), index(cable.b));
    std::set<std::size_t> with_host;
    for (std::size_t i = 0; i < rig_.nodes.size(); ++i) {
      if (rig_.nodes[i].kind == NodeKind::kHost) with_host.insert(all.of(i));
    }
    for (std::size_t i = 0; i < rig_.nodes.size(); ++i) {
      if (rig_.nodes[i].kind != NodeKind::kDevice || with_host.contains(all.of(i))) continue;
      list.fail(
          fmt::format("{} reaches no host over these cables; every device needs a way to a "
                      "node of kind host",
                      in_quotes(rig_.nodes[i].name)));
    }
  }

  [[nodiscard]] const std::string& name_of(NodeId id) const { return rig_.nodes[index(id)].name; }

  Rig& rig_;
  std::map<std::string, std::uint32_t> devices_;            ///< by name
  std::map<std::string, NodeId> nodes_;                     ///< by name
  std::set<std::tuple<NodeId, NodeId, std::string>> seen_;  ///< cables: lower end, higher end, type
};

}  // namespace

void read_wiring(ObjectReader& entry, Rig& rig) {
  WiringReader(rig).read(entry);
  rig = topology::with_joined_peer_access(std::move(rig));
}

void write_wiring(YamlWriter& out, const Rig& rig) {
  out.begin_list("nodes");
  for (const topology::Node& node : rig.nodes) {
    out.begin_item();
    out.value("name", node.name);
    out.value("kind", to_string(node.kind));
    if (node.machine != 0) out.value("machine", static_cast<std::int64_t>(node.machine));
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
    out.value("kind", to_string(cable.kind));
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
