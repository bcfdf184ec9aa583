#pragma once

#include <optional>
#include <vector>

#include "topology/collective.h"
#include "topology/nccl_constants.h"
#include "topology/nccl_wiring.h"

namespace rigsim::topology {

/// A way to run one collective, and what NCCL expects of it.
struct NcclChoice {
  Algorithm algorithm = Algorithm::kRing;
  Protocol protocol = Protocol::kSimple;
  sim::Duration expected{};  ///< by NCCL's own model, which chooses by it; not a prediction

  friend bool operator==(const NcclChoice&, const NcclChoice&) = default;
};

/// Steps of a ring: 2 (n - 1) for an all-reduce, n - 1 otherwise (broadcast and send/recv: the hops
/// of one message).
[[nodiscard]] double ring_steps(CollectiveKind kind, std::uint32_t ranks);

/// How often a buffer leaves a machine in a double tree over several: once with two of them; with
/// more each is a leaf of one tree and inside the other.
[[nodiscard]] double tree_crossings(const NcclGraph& graph);

/// Latency by NCCL's tables of a path through `steps` ring steps or up and down a tree, without the
/// kernel's base.
[[nodiscard]] sim::Duration nccl_hops(const NcclGraph& graph, CollectiveKind kind,
                                      Algorithm algorithm, Protocol protocol,
                                      const NcclLatency& inside, const NcclConstants& nccl);

/// Every algorithm and protocol that NCCL may take for `kind` on `graph`, with its time for `size`:
/// latency + size / algorithm bandwidth (src/graph/tuning.cc). Exchanges (all-to-all, send/recv)
/// have one: LL up to 16 KiB a peer, Simple beyond.
///
/// Ring: any. Tree: all-reduce. LL128: over NVLink only. NVLS: all-reduce, from five ranks
/// (Blackwell: six) of a machine on an NVSwitch that reduces; its bandwidth is that of 1 + 1/n
/// buffers through a port. PAT: all-gather and reduce-scatter with one rank a machine.
[[nodiscard]] std::vector<NcclChoice> nccl_choices(CollectiveKind kind, sim::Bytes size,
                                                   const NcclGraph& graph,
                                                   const NcclConstants& nccl);

/// The least expected of them; of those that a user's NCCL_ALGO and NCCL_PROTO leave, where given.
/// Throws std::invalid_argument naming what there is where none is left.
[[nodiscard]] NcclChoice nccl_choice(CollectiveKind kind, sim::Bytes size, const NcclGraph& graph,
                                     const NcclConstants& nccl,
                                     std::optional<Algorithm> algorithm = std::nullopt,
                                     std::optional<Protocol> protocol = std::nullopt);

}  // namespace rigsim::topology
