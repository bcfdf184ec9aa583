#pragma once

#include "workloads/deployment.h"
#include "workloads/forward_pass.h"
#include "workloads/pass_ops.h"

namespace rigsim::workloads {

/// Lowers the layers and the head of a stage whose devices share every layer: each runs its part of
/// a kernel, and after the row-split products (attention output, FFN down) they add up the partial
/// sums in an all-reduce (M. Shoeybi et al., Megatron-LM, arXiv 1909.08053). Returns the last ops.
[[nodiscard]] Ops lower_tensor_stage(PassOps& ops, const DeployedStage& stage,
                                     const PassShape& shape, Ops ready);

}  // namespace rigsim::workloads
