#pragma once

#include <span>

#include "topology/collective.h"
#include "topology/nccl_time.h"

namespace rigsim::topology {

/// One measured collective to fit to, as NCCL chose to run it.
struct NcclSample {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  sim::Bytes size{};
  NcclGraph graph;
  sim::Duration time{};
};

/// What NCCL's own constants say of a machine: the start of every fit, and what a fit falls back to
/// where the samples say nothing.
[[nodiscard]] NcclFit nccl_prior(bool nvlink, const NcclConstants& nccl);

/// The six numbers by which nccl_time() comes nearest to the samples: least squares of the
/// logarithms with the weight of far ones reduced (soft L1), and a weak pull towards nccl_prior().
/// All samples are of one kind of link. Same samples, same bits.
/// Throws std::invalid_argument for fewer samples than numbers or a time that is not > 0.
[[nodiscard]] NcclFit fit_nccl(std::span<const NcclSample> samples, const NcclShape& shape,
                               const NcclConstants& nccl);

/// The numbers in the middle of several fits (geometric mean of each).
/// Throws std::invalid_argument without any.
[[nodiscard]] NcclFit middle_of(std::span<const NcclFit> fits);

}  // namespace rigsim::topology
