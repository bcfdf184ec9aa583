#include "topology/rig_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "topology/link_rates.h"
#include "topology/rig_check.h"

namespace rigsim::topology {
namespace {

using Pair = std::pair<std::uint32_t, std::uint32_t>;

NodeId node_of(std::uint32_t device) {
  return NodeId{device};
}  // devices are the first nodes, in their order

bool on_pcie(const Device& device) {
  return device.kind == DeviceKind::kGpu && device.pcie_gen > 0;
}

bool has_nvlink(const Device& device) {
  return device.peer_link.kind != PeerLinkKind::kNone &&
         device.peer_link.kind != PeerLinkKind::kXgmi;
}

/// NVLinks between two devices of a board without a switch: of a DGX-1 with V100 (nvidia-smi topo
/// -m there: GPU 0 to 3 one quad, 4 to 7 the other), of a board of four two each.
int mesh_links(std::uint32_t a, std::uint32_t b, std::size_t devices) {
  constexpr std::array<std::string_view, 8> kDgx1{"01122000", "10210200", "12020010", "21200001",
                                                  "20000112", "02001021", "00101202", "00012120"};
  return devices <= 4 ? 2 : kDgx1.at(a).at(b) - '0';
}

/// Adds the wiring of a rig to its devices, one kind of cable at a time.
class Wiring {
 public:
  Wiring(Rig& rig, const RigRequest& request)
      : rig_(rig), link_(request.link), plan_(request.pcie) {}

  void wire() {
    if (!on_pcie(device(0))) return;
    wire_pcie(rig_, plan_);
    if (link_ == LinkChoice::kNvlink) add_bridges();
    if (link_ != LinkChoice::kPcie) {
      add_switch();
      add_mesh();
      add_nvlink_mesh();
    }
    allow_pcie_peers();
  }

 private:
  std::uint32_t count() const { return static_cast<std::uint32_t>(rig_.devices.size()); }
  const Device& device(std::uint32_t i) const { return rig_.devices[i].device; }

  NodeId add_node(Node node) {
    rig_.nodes.push_back(std::move(node));
    return NodeId{static_cast<std::uint32_t>(rig_.nodes.size() - 1)};
  }

  void add_cable(NodeId a, NodeId b, LinkRate rate) {
    rig_.cables.push_back(
        {a, b, std::move(rate.type), rate.per_direction, rate.latency, rate.kind});
  }

  bool may_copy(Pair pair) const {
    for (const PeerAccess& peer : rig_.peer_access)
      if (Pair(peer.from, peer.to) == pair) return true;
    return false;
  }

  void allow_both_ways(std::uint32_t a, std::uint32_t b) {
    if (may_copy({a, b})) return;
    rig_.peer_access.push_back({a, b});
    rig_.peer_access.push_back({b, a});
  }

  /// A bridge spans two neighbouring slots; an odd card at the end stays on PCIe.
  void add_bridges() {
    for (std::uint32_t i = 0; i + 1 < count(); i += 2) {
      if (device(i).peer_link.kind != PeerLinkKind::kNvlinkBridge) continue;
      if (device(i).name != device(i + 1).name)
        throw std::invalid_argument(
            fmt::format("{}: an NVLink bridge joins two of the same type, got {} beside {}",
                        rig_.name, device(i).name, device(i + 1).name));
      add_cable(node_of(i), node_of(i + 1), peer_cable(device(i)));
      allow_both_ways(i, i + 1);
    }
  }

  std::vector<std::uint32_t> devices_with(PeerLinkKind kind) const {
    std::vector<std::uint32_t> found;
    for (std::uint32_t i = 0; i < count(); ++i)
      if (device(i).peer_link.kind == kind) found.push_back(i);
    return found;
  }

  void add_switch() {
    const std::vector<std::uint32_t> members = devices_with(PeerLinkKind::kNvlinkSwitch);
    if (members.size() < 2) return;
    const NodeId hub = add_node({NodeKind::kNvSwitch, "nvswitch0", {}});
    for (const std::uint32_t i : members) add_cable(node_of(i), hub, peer_cable(device(i)));
    allow_all(members);
  }

  void add_mesh() {
    const std::vector<std::uint32_t> members = devices_with(PeerLinkKind::kXgmi);
    for (std::size_t i = 0; i < members.size(); ++i)
      for (std::size_t j = i + 1; j < members.size(); ++j)
        add_cable(node_of(members[i]), node_of(members[j]), peer_cable(device(members[i])));
    allow_all(members);
  }

  void add_nvlink_mesh() {
    constexpr double kLinks = 6;  // of each device
    const std::vector<std::uint32_t> members = devices_with(PeerLinkKind::kNvlinkMesh);
    for (std::uint32_t i = 0; i < members.size(); ++i)
      for (std::uint32_t j = i + 1; j < members.size(); ++j) {
        const int links = mesh_links(i, j, members.size());
        if (links == 0) continue;
        Device joined = device(members[i]);
        joined.peer_link.per_direction = joined.peer_link.per_direction * (links / kLinks);
        add_cable(node_of(members[i]), node_of(members[j]), peer_cable(joined));
        allow_both_ways(members[i], members[j]);
      }
  }

  void allow_all(const std::vector<std::uint32_t>& members) {
    for (std::size_t i = 0; i < members.size(); ++i)
      for (std::size_t j = i + 1; j < members.size(); ++j) allow_both_ways(members[i], members[j]);
  }

  void allow_pcie_peers() {
    for (std::uint32_t i = 0; i < count(); ++i)
      for (std::uint32_t j = i + 1; j < count(); ++j)
        if (device(i).pcie_p2p && device(j).pcie_p2p && device(i).vendor == device(j).vendor)
          allow_both_ways(i, j);
  }

  Rig& rig_;
  LinkChoice link_;
  const PciePlan& plan_;
};

void check_nvlink_wish(const RigRequest& request) {
  if (request.link != LinkChoice::kNvlink) return;
  if (request.devices.size() < 2)
    throw std::invalid_argument(fmt::format("{}: NVLink joins at least two devices, got {}",
                                            request.name, request.devices.size()));
  for (const InstalledDevice& installed : request.devices)
    if (!has_nvlink(installed.device))
      throw std::invalid_argument(fmt::format(
          "{}: {} has no NVLink{}", request.name, installed.device.name,
          installed.device.peer_link.kind == PeerLinkKind::kXgmi ? "; its peers are joined by xGMI"
                                                                 : ""));
}

/// No board joins more of them.
constexpr std::size_t kMostOnABoard = 8;

void check_board(const RigRequest& request) {
  if (request.link == LinkChoice::kPcie) return;
  for (const PeerLinkKind kind :
       {PeerLinkKind::kNvlinkSwitch, PeerLinkKind::kXgmi, PeerLinkKind::kNvlinkMesh}) {
    const auto members = std::ranges::count_if(
        request.devices, [&](const InstalledDevice& d) { return d.device.peer_link.kind == kind; });
    if (static_cast<std::size_t>(members) > kMostOnABoard)
      throw std::invalid_argument(fmt::format(
          "{}: a board joins at most {} of {} by {}, got {}; more of them are several machines",
          request.name, kMostOnABoard, request.devices.front().device.name,
          kind == PeerLinkKind::kXgmi         ? "xGMI"
          : kind == PeerLinkKind::kNvlinkMesh ? "NVLink"
                                              : "NVSwitch",
          members));
  }
}

void check_wish(const RigRequest& request) {
  if (request.devices.empty())
    throw std::invalid_argument(fmt::format("{}: a rig needs a device", request.name));
  check_nvlink_wish(request);
  check_board(request);
  if (request.devices.size() == 1) return;
  for (const InstalledDevice& installed : request.devices)
    if (!on_pcie(installed.device))
      throw std::invalid_argument(
          fmt::format("{}: {} is not a PCIe device, nothing joins it to the other {}", request.name,
                      installed.device.name, request.devices.size() - 1));
}

std::string default_name(const Device& device, std::size_t index) {
  return fmt::format("{}{}", device.kind == DeviceKind::kCpu ? "cpu" : "gpu", index);
}

}  // namespace

Rig build_rig(const RigRequest& request) {
  check_wish(request);
  Rig rig;
  rig.name = request.name;
  rig.devices = request.devices;
  rig.host = request.host;
  for (std::uint32_t i = 0; i < rig.devices.size(); ++i) {
    InstalledDevice& installed = rig.devices[i];
    if (installed.name.empty()) installed.name = default_name(installed.device, i);
    rig.nodes.push_back({NodeKind::kDevice, installed.name, i});
  }
  Wiring(rig, request).wire();
  validate(rig);
  return rig;
}

}  // namespace rigsim::topology
