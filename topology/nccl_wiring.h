#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/units.h"
#include "topology/nccl_constants.h"
#include "topology/nic_reach.h"
#include "topology/rig.h"

namespace rigsim::topology {

/// What the slowest hop inside a machine goes over.
enum class NcclPath {
  kNvlink,       ///< NVLink or xGMI to every peer
  kPcie,         ///< PCIe, GPU to GPU
  kSharedMemory  ///< written to host memory by one GPU, read by the next
};

/// What NCCL's graph search finds for a set of ranks, as far as it decides times.
struct NcclGraph {
  NcclPath path = NcclPath::kPcie;
  NcclGeneration generation = NcclGeneration::kAmpere;
  std::uint32_t ranks = 0;
  std::uint32_t machines = 1;
  std::uint32_t ranks_per_machine = 0;  ///< of the fullest machine
  sim::Bandwidth intra{};               ///< NCCL's estimate of a ring's bus bandwidth in a machine
  sim::Bandwidth inter{};               ///< and between machines; 0 with one machine
  /// Where `path` is not kNvlink: what part of a ring's hops NVLink carries all the same.
  double nvlink_hops = 0;
  bool nvls = false;          ///< the switch reduces
  bool fully_joined = false;  ///< NVLink or xGMI between every pair, in one machine
  bool peer_access = false;   ///< of every pair, in one machine; looked up to 16 ranks

  /// Of a ring through all of them.
  [[nodiscard]] sim::Bandwidth ring() const;
};

/// A rig's wiring, indexed once, for the question which graph NCCL would find.
///
/// Inside a machine: NVLink (or xGMI) where a switch joins the ranks or a ring of direct links
/// passes each of them, else PCIe at the narrowest cable below the ranks' common ancestor. NCCL
/// copies GPU to GPU over PCIe where the driver permits it and only PCIe switches lie between (its
/// default level PXB), or with two GPUs that no Intel CPU drives, or as far as the user says
/// (Rig::nccl_peers_at_any_distance); all else goes through host memory (src/graph/paths.cc).
/// Bandwidths are NCCL's planning values (topo.h) for a device's own link, times what a cable
/// carries over what such a link usually carries, so that half the lanes are half the bandwidth.
class NcclWiring {
 public:
  NcclWiring(const Rig& rig, const NcclConstants& constants);

  /// Throws std::invalid_argument: fewer than two ranks, an unknown device or one named twice,
  /// devices that nothing joins, machines without a NIC.
  [[nodiscard]] NcclGraph graph(std::span<const std::uint32_t> devices) const;

 private:
  /// One device's ways out.
  struct Port {
    std::uint32_t machine = 0;
    NcclGeneration generation = NcclGeneration::kAmpere;
    bool rccl = false;                  ///< an AMD device: RCCL runs its collectives
    std::optional<std::size_t> fabric;  ///< the NVSwitch it hangs on
    sim::Bandwidth into_fabric{};
    Climb climb;  ///< to its host; empty without cables
  };
  struct DirectLink {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    sim::Bandwidth nccl{};
  };
  /// A set of ranks in one machine, or what joins them.
  struct Way {
    NcclPath path = NcclPath::kPcie;
    sim::Bandwidth bandwidth{};
    bool nvls = false;
    bool fully_joined = false;
    double nvlink_hops = 0;  ///< as NcclGraph's
  };

  void index_devices(const Rig& rig);
  void index_links(const Rig& rig);
  void index_climbs(const Rig& rig, const std::vector<Climb>& climbs);
  void index_network(const Rig& rig, const std::vector<Climb>& climbs);
  [[nodiscard]] std::optional<Way> switch_way(std::span<const std::uint32_t> devices) const;
  [[nodiscard]] std::optional<Way> mesh_way(std::span<const std::uint32_t> devices) const;
  [[nodiscard]] Way pcie_way(std::span<const std::uint32_t> devices) const;
  [[nodiscard]] double nvlink_hops(std::span<const std::uint32_t> devices) const;
  [[nodiscard]] bool all_peers(std::span<const std::uint32_t> devices) const;
  [[nodiscard]] Way way(std::span<const std::uint32_t> devices) const;
  [[nodiscard]] sim::Bandwidth network(std::uint32_t machine,
                                       std::span<const std::uint32_t> ranks) const;
  void check(std::span<const std::uint32_t> devices) const;

  NcclConstants constants_;
  bool intel_host_ = false;
  bool any_distance_ = false;       ///< NCCL_P2P_LEVEL=SYS
  std::vector<std::string> names_;  ///< by device
  std::vector<Port> ports_;         ///< by device
  std::vector<DirectLink> direct_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> peers_;  ///< sorted
  std::vector<NodeKind> kinds_;                                 ///< by node
  std::map<std::uint32_t, sim::Bandwidth> sockets_;     ///< slowest joint of a machine's CPUs
  std::map<std::uint32_t, std::vector<NicPort>> nics_;  ///< by machine
};

/// The generation whose rows of NCCL's tables `device` reads.
[[nodiscard]] NcclGeneration nccl_generation(const Device& device);

}  // namespace rigsim::topology
