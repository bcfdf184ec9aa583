#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/units.h"
#include "topology/device.h"

namespace rigsim::topology {

/// Names one vertex of a rig's graph.
enum class NodeId : std::uint32_t {};

/// What stands at a vertex. All but devices forward what passes through them.
enum class NodeKind {
  kDevice,
  kHost,         ///< one socket or NUMA node with its memory
  kRootComplex,  ///< a group of PCIe root ports (a quadrant) between the slots and the host
  kPcieSwitch,
  kNvSwitch,
  kNic,
  kNetworkSwitch
};

/// "device", "host", "root-complex", "pcie-switch", "nvswitch", "nic", "network-switch".
[[nodiscard]] std::string_view to_string(NodeKind kind);

struct Node {
  NodeKind kind = NodeKind::kDevice;
  std::string name;                     ///< "gpu0", "host0"
  std::optional<std::uint32_t> device;  ///< index into Rig::devices when kind == kDevice
  std::uint32_t machine = 0;  ///< which machine of a cluster it stands in; of no meaning for
                              ///< network switches, which stand between them
};

/// What a cable is made of: which ends it may have and what it may close.
enum class CableKind {
  kPcie,
  kNvlink,
  kXgmi,    ///< AMD Infinity Fabric between devices, or a device and its host
  kC2c,     ///< a coherent chip-to-chip link, device to host or device to device
  kSocket,  ///< between two hosts of one machine
  kOnDie,   ///< between a host and its root complexes, or switches that are parts of one chip
  kNetwork  ///< between machines
};

/// "pcie", "nvlink", "xgmi", "c2c", "socket", "on-die", "network".
[[nodiscard]] std::string_view to_string(CableKind kind);

/// A full-duplex cable: two directed links of the same capacity and latency.
struct Cable {
  NodeId a{};
  NodeId b{};
  std::string type;                ///< "pcie4x16", "nvlink3x4", for people
  sim::Bandwidth per_direction{};  ///< achievable, not line rate
  sim::Duration latency{};
  CableKind kind = CableKind::kPcie;
};

/// A device as it stands in a rig.
struct InstalledDevice {
  Device device;
  std::string name;                       ///< "gpu0"
  std::optional<sim::Watts> power_limit;  ///< none: the datasheet's
  /// Of a small copy staged through its host; none: of hosts of its PCIe generation (staged_copy)
  std::optional<sim::Duration> staged_copy_cost{};
};

/// Whether and how a pair of devices copies directly. Absent pairs are staged through host memory.
struct PeerAccess {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

/// The host that drives the devices.
struct Host {
  std::string name = "generic host";
  sim::Bytes memory{};  ///< RAM for offloaded layers
  sim::Bandwidth memory_bandwidth{};
  int cores = 0;
  /// The CPU as a compute device for offloaded layers; none: a generic one.
  std::optional<Device> cpu;
  std::string cpu_vendor;  ///< "Intel", "AMD" of the CPU that stands there; empty: that of `cpu`
};

/// "Intel", "AMD"; empty where nothing says it.
[[nodiscard]] std::string cpu_vendor(const Host& host);

/// A machine: devices, the tree they hang on, and who may copy to whom directly.
struct Rig {
  std::string name;
  std::vector<InstalledDevice> devices;
  std::vector<Node> nodes;
  std::vector<Cable> cables;
  std::vector<PeerAccess> peer_access;  ///< directed
  /// The user has NCCL go peer to peer wherever the driver permits it, however far
  /// (NCCL_P2P_LEVEL=SYS); else NCCL's own rule stands, see NcclWiring.
  bool nccl_peers_at_any_distance = false;
  Host host;
};

}  // namespace rigsim::topology
