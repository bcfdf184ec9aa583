#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/network.h"
#include "topology/link_rates.h"
#include "topology/rig.h"
#include "topology/route.h"

namespace rigsim::topology {

/// How one copy travels, and what it costs when nothing else moves.
struct CopyPath {
  std::vector<sim::LinkId> links;     ///< of RigNetwork::network(), in travel order
  sim::Duration extra_latency{};      ///< beyond that of the links
  std::optional<sim::Bandwidth> cap;  ///< never faster, even on idle links
  bool staged = false;                ///< through host memory, because the pair has no peer access
  std::vector<std::string> via;       ///< names of the links in travel order
  /// Of a copy of no size: all latencies. A route made of this path carries it: do not add it
  /// again.
  sim::Duration fixed_cost{};
  sim::Bandwidth uncontended{};  ///< then the bytes move at this rate

  /// fixed_cost + size / uncontended: what the simulation gives for this copy alone.
  [[nodiscard]] sim::Duration time(sim::Bytes size) const;
};

/// How much faster the links of a rig are than the real ones, to ask what if.
struct LinkScale {
  double bandwidth = 1;
  double latency = 1;  ///< latencies and fixed costs are divided by it
};

/// A rig as the engine sees it: two directed links per cable, and one more per device for what it
/// sends and receives by staged copies (they share its copy engines). Paths are found when asked
/// for, as a rig of n devices has n^2 of them; CopyRoutes puts those that are used on an op graph.
///
/// Within a machine a pair with peer access copies directly. Others are staged: one transfer over
/// the way up to the host and down again at once (the driver pipelines chunks through pinned
/// memory), with the rate cap and fixed cost of staged_copy() in link_rates.h. Between machines two
/// devices whose stock driver lets a NIC read their memory (Device::pcie_p2p) copy directly
/// (GPUDirect RDMA); others are staged through both hosts.
class RigNetwork {
 public:
  /// Throws std::invalid_argument when the rig is not valid (rig_check.h). `scale` has factors > 0.
  explicit RigNetwork(const Rig& rig, LinkScale scale = {});

  /// The links; it has no routes.
  [[nodiscard]] const sim::Network& network() const { return network_; }

  /// From one device's memory to another's. Throws std::invalid_argument for the same device twice,
  /// an unknown one, or devices that no cable joins.
  [[nodiscard]] CopyPath route(std::uint32_t from, std::uint32_t to) const;

  /// Whether a cable joins the device to a host. Not so for Apple SoCs and CPUs: their memory is
  /// the host's. Throws std::invalid_argument for an unknown device.
  [[nodiscard]] bool has_host_link(std::uint32_t device) const;

  /// Pinned copies. Throw std::invalid_argument for an unknown device or one without a host link.
  [[nodiscard]] CopyPath host_to_device(std::uint32_t device) const;
  [[nodiscard]] CopyPath device_to_host(std::uint32_t device) const;

  /// Where the device stands in the rig's graph. Throws std::invalid_argument for an unknown one.
  [[nodiscard]] NodeId node(std::uint32_t device) const { return member(device).node; }

  /// For traces: "gpu0>host0 pcie4x16", "gpu0 staging".
  [[nodiscard]] std::string_view name(sim::LinkId link) const;
  [[nodiscard]] std::span<const std::string> link_names() const { return names_; }

 private:
  struct Member {
    std::string name;
    NodeId node{};
    std::optional<NodeId> host;            ///< the nearest
    std::optional<StagedCopyRate> staged;  ///< none without cables
    sim::LinkId staging{};                 ///< where `staged` is there
    std::uint32_t machine = 0;
    bool reaches_nics = false;
  };

  void add_members(const Rig& rig);
  [[nodiscard]] StagedCopyRate scaled(StagedCopyRate rate) const;
  void add_links(const Rig& rig);
  void add_peer_access(const Rig& rig);
  [[nodiscard]] sim::LinkId add_link(std::string name, sim::Bandwidth capacity,
                                     sim::Duration latency);
  [[nodiscard]] const Member& member(std::uint32_t device) const;
  [[nodiscard]] const Member& with_host(std::uint32_t device) const;
  [[nodiscard]] bool copies_directly(std::uint32_t from, std::uint32_t to) const;
  void append(CopyPath& path, NodeId from, NodeId to) const;
  void stage(CopyPath& path, const Member& from, const Member& to) const;
  [[nodiscard]] CopyPath finished(CopyPath path) const;

  LinkScale scale_;
  RouteTable routes_;
  sim::Network network_;
  std::vector<std::string> names_;         ///< by LinkId
  std::vector<Member> members_;            ///< by device
  std::vector<std::uint32_t> first_peer_;  ///< by device, and the end
  std::vector<std::uint32_t> peers_;       ///< to whom it may copy directly, rising
};

}  // namespace rigsim::topology
