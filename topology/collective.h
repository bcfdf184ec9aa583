#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sim/units.h"

namespace rigsim::topology {

enum class CollectiveKind {
  kAllReduce,
  kReduceScatter,
  kAllGather,
  kBroadcast,  ///< from the first of the devices
  kAllToAll,
  kSendRecv  ///< every device sends to the next in rank order, the last to the first
};

/// How the ranks exchange what they hold. Which algorithm does which kind: collective_time.h.
enum class Algorithm {
  kRing,
  kTree,             ///< all-reduce: a double binary tree; broadcast: binomial
  kHalvingDoubling,  ///< recursive halving and doubling; all-to-all: Bruck's
  kOneShot,          ///< every rank reads everything
  kTwoShot,          ///< direct reduce-scatter, then direct all-gather
  kNvls,             ///< reduced and multicast in the NVSwitch
  kPat,              ///< NCCL's parallel aggregated trees
  kHierarchical,     ///< within each machine, then over the rails between them
  kDirect            ///< every rank to every other at once
};

/// NCCL's wire protocols; none where the library has no such choice.
enum class Protocol { kNone, kLl, kLl128, kSimple };

/// How the kernels reach the device: launched one by one, or replayed from a captured graph.
enum class LaunchMode { kEager, kGraph };

inline constexpr std::array kCollectiveKinds{
    CollectiveKind::kAllReduce, CollectiveKind::kReduceScatter, CollectiveKind::kAllGather,
    CollectiveKind::kBroadcast, CollectiveKind::kAllToAll,      CollectiveKind::kSendRecv};
inline constexpr std::array kAlgorithms{
    Algorithm::kRing,    Algorithm::kTree,         Algorithm::kHalvingDoubling,
    Algorithm::kOneShot, Algorithm::kTwoShot,      Algorithm::kNvls,
    Algorithm::kPat,     Algorithm::kHierarchical, Algorithm::kDirect};
inline constexpr std::array kProtocols{Protocol::kNone, Protocol::kLl, Protocol::kLl128,
                                       Protocol::kSimple};
inline constexpr std::array kLaunchModes{LaunchMode::kEager, LaunchMode::kGraph};

/// One call of a collective.
struct CollectiveRequest {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  std::vector<std::uint32_t> devices;  ///< in rank order
  /// As nccl-tests counts it: all-reduce, the buffer of a rank; reduce-scatter, the total input of
  /// a rank; all-gather, the total output of a rank; all-to-all, the total that a rank sends (its
  /// own part included); broadcast and send/recv, the message.
  sim::Bytes size{};
};

/// Bus bandwidth over algorithm bandwidth (size / time) of `ranks` ranks, as nccl-tests defines it
/// (NVIDIA/nccl-tests doc/PERFORMANCE.md): all-reduce 2(n-1)/n; reduce-scatter, all-gather and
/// all-to-all (n-1)/n; broadcast and send/recv 1. Throws std::invalid_argument for 0 ranks.
[[nodiscard]] double bus_factor(CollectiveKind kind, std::size_t ranks);

/// Names as users type and read them: "all_reduce", "halving_doubling", "ll128", "graph".
[[nodiscard]] std::string_view to_string(CollectiveKind kind);
[[nodiscard]] std::string_view to_string(Algorithm algorithm);
[[nodiscard]] std::string_view to_string(Protocol protocol);
[[nodiscard]] std::string_view to_string(LaunchMode mode);

}  // namespace rigsim::topology
