#pragma once

#include <cstdint>

#include "workloads/deployment.h"
#include "workloads/forward_pass.h"
#include "workloads/pass_ops.h"

namespace rigsim::workloads {

/// Lowers the layers and the head of `stage` for the tokens of `shape`; returns the last ops.
/// One device runs its kernels one after the other; several share each layer (tensor_lowering.h).
/// Layers on the host run on its CPU, or, for prompts long enough to be worth copying the weights,
/// on the first GPU. `pipelined`: the host submits kernels ahead of the device.
[[nodiscard]] Ops lower_stage(PassOps& ops, const DeployedStage& stage, const PassShape& shape,
                              bool pipelined, Ops ready);

/// From the end of one stage to the start of the next: the host synchronises, then the hidden state
/// is copied. Within one memory nothing is.
[[nodiscard]] Ops lower_boundary(PassOps& ops, const DeployedStage& from, const DeployedStage& to,
                                 std::int64_t tokens, const Ops& ready);

}  // namespace rigsim::workloads
