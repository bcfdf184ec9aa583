#pragma once

#include "topology/collective.h"
#include "topology/nccl_constants.h"
#include "topology/nccl_tuning.h"
#include "topology/nccl_wiring.h"

namespace rigsim::topology {

/// The six numbers that a machine's measured collectives are fitted by.
struct NcclFit {
  sim::Duration launch{};      ///< of an LL kernel, before its first hop
  sim::Duration ll_hop{};      ///< one ring step of LL inside the machine
  sim::Duration simple_hop{};  ///< likewise of Simple; LL128 and NVLS keep NCCL's proportion to it
  double ll_share = 0;         ///< LL bandwidth over the ring bandwidth that NCCL plans with
  double simple_share = 0;     ///< likewise of Simple
  /// What a step that only receives costs of one that sends: in a ring of n an all-reduce has 2n -
  /// 1 steps for 2 (n - 1) sends, the others n for n - 1.
  double idle_step = 0;

  friend bool operator==(const NcclFit&, const NcclFit&) = default;
};

/// What is the same on all machines.
struct NcclShape {
  /// Latency L and transfer D add up to (L^q + D^q)^(1/q): q < 1, because the first and last chunks
  /// of a longer message take longer. LL128 streams and has 1.
  double ll_exponent = 1;
  double simple_exponent = 1;
  /// What a hop through host memory carries of one GPU to GPU.
  double shared_memory_share = 1;
};

/// How long a collective takes on an idle machine when it is run as `choice` says.
/// Model: latency = launch + NCCL's differences between kernels + NCCL's steps, each at the fitted
/// hop; transfer = bytes that the slowest port carries / fitted bandwidth; both combined as in
/// NcclShape. Between machines NCCL's own latencies hold.
[[nodiscard]] sim::Duration nccl_time(CollectiveKind kind, sim::Bytes size,
                                      const NcclChoice& choice, const NcclGraph& graph,
                                      const NcclFit& fit, const NcclShape& shape,
                                      const NcclConstants& nccl);

}  // namespace rigsim::topology
