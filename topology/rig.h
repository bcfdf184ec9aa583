#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/units.h"
#include "topology/device.h"

namespace rigsim::topology {

/// Names one vertex of a rig's graph.
enum class NodeId : std::uint32_t {};

enum class NodeKind { kDevice, kHost, kPcieSwitch, kNvSwitch };

struct Node {
  NodeKind kind = NodeKind::kDevice;
  std::string name;                         ///< "gpu0", "host0"
  std::optional<std::uint32_t> device;      ///< index into Rig::devices when kind == kDevice
};

/// A full-duplex cable: two directed links of the same capacity and latency.
struct Cable {
  NodeId a{};
  NodeId b{};
  std::string type;                   ///< "pcie4x16", "nvlink3x4", for people
  sim::Bandwidth per_direction{};     ///< achievable, not line rate
  sim::Duration latency{};
};

/// A device as it stands in a rig.
struct InstalledDevice {
  Device device;
  std::string name;                        ///< "gpu0"
  std::optional<sim::Watts> power_limit;   ///< none: the datasheet's
};

/// Whether and how a pair of devices copies directly. Absent pairs are staged through host memory.
struct PeerAccess {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
};

/// The host that drives the devices.
struct Host {
  std::string name = "generic host";
  sim::Bytes memory{};                    ///< RAM for offloaded layers
  sim::Bandwidth memory_bandwidth{};
  int cores = 0;
  /// The CPU as a compute device for offloaded layers; none: a generic one.
  std::optional<Device> cpu;
};

/// A machine: devices, the tree they hang on, and who may copy to whom directly.
struct Rig {
  std::string name;
  std::vector<InstalledDevice> devices;
  std::vector<Node> nodes;
  std::vector<Cable> cables;
  std::vector<PeerAccess> peer_access;  ///< directed
  Host host;
};

}  // namespace rigsim::topology
