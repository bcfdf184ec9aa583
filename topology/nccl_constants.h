#pragma once

#include <array>
#include <cstddef>
#include <stdexcept>
#include <vector>

#include "sim/units.h"
#include "topology/collective.h"

namespace rigsim::topology {

/// GPU generations that NCCL's tables know; newer than Blackwell counts as Blackwell.
enum class NcclGeneration { kVolta, kAmpere, kHopper, kBlackwell };
inline constexpr std::size_t kNcclGenerations = 4;

/// One value per wire protocol.
template <class T>
struct PerProtocol {
  T ll{};
  T ll128{};
  T simple{};

  /// Throws std::logic_error for Protocol::kNone.
  [[nodiscard]] const T& of(Protocol protocol) const {
    switch (protocol) {
      case Protocol::kLl:
        return ll;
      case Protocol::kLl128:
        return ll128;
      case Protocol::kSimple:
        return simple;
      case Protocol::kNone:
        break;
    }
    throw std::logic_error("a wire protocol is needed");
  }
};

/// Latencies of one kind of hop, or of a kernel before its first hop.
struct NcclLatency {
  PerProtocol<sim::Duration> ring;
  PerProtocol<sim::Duration> tree;
  sim::Duration nvls{};
  sim::Duration nvls_tree{};
  sim::Duration pat{};
};

/// The constants of NCCL's tuning model (src/graph/tuning.cc, topo.h, search.cc): data, read by
/// configs/ from catalog/collectives/nccl.yaml, where each has its source. Caps per channel are
/// left out: none binds at the channel counts that NCCL uses on these machines.
struct NcclConstants {
  NcclLatency base;
  NcclLatency nvlink_hop;
  NcclLatency pcie_hop;
  NcclLatency network_hop;
  sim::Duration network_overhead{};  ///< floor of a hop inside a machine where there are several;
                                     ///< x3 for Simple
  std::array<sim::Bandwidth, kNcclGenerations> ll_cap{};  ///< of a ring or tree in one machine
  sim::Bandwidth ll_cap_two_machines{};
  sim::Bandwidth ll_cap_more_machines{};
  double ring_ll_share = 0;     ///< of the bus bandwidth
  double ring_ll128_share = 0;  ///< likewise
  double tree_simple_share = 0;
  double tree_ll_divisor = 0;
  double tree_ll128_share = 0;           ///< of the tree's Simple, one machine
  double tree_ll128_share_machines = 0;  ///< likewise, several
  double pat_share = 0;
  std::array<double, kNcclGenerations> nvls_share{};
  std::array<int, kNcclGenerations> nvls_channels{};
  std::array<int, kNcclGenerations> nvls_least_ranks{};  ///< in one machine
  double ring_plateau = 0;  ///< a Simple ring's latency over several machines once its chunks fill
  int channels = 0;         ///< by which a message is cut for that
  /// Factor on a tree's bandwidth by log2(bytes / 64), all-reduce only.
  PerProtocol<std::vector<double>> tree_correction;
  /// Bandwidth of a channel that the graph search tries, highest first, GB/s.
  std::array<std::vector<double>, kNcclGenerations> channel_speeds;
  /// What NCCL counts of a link (topo.h): the share of NVLink's line rate by generation (GA102 has
  /// its own), a PCIe 1.0 lane (each generation doubles it). xGMI
  /// counts as it was measured.
  std::array<double, kNcclGenerations> nvlink_share{};
  double nvlink_share_ga102 = 0;
  sim::Bandwidth pcie_first_lane{};
  sim::Bytes exchange_ll_limit{};  ///< largest message to one peer that goes by LL
};

}  // namespace rigsim::topology
