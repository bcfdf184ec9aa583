#pragma once

#include <vector>

#include "workloads/forward_pass.h"

namespace rigsim::workloads {

/// The FFN of a mixture-of-experts layer on one device of `shape.expert_parallel` groups, behind
/// the norm: "router", then this device's routed experts ("expert_gate_up", "expert_activation",
/// "expert_down"), then its part of the shared ones ("shared_gate_up", "shared_activation",
/// "shared_down"), where there are any. Router and shared experts see `shape.tokens`; the routed
/// experts their part of `shape.expert_tokens`, times `shape.expert_load`. Where the group is
/// smaller than the tensor-parallel one, each expert is cut among the rest.
[[nodiscard]] std::vector<Kernel> expert_kernels(const Model& model,
                                                 const std::vector<StoredTensor>& weights,
                                                 int layer, const PassShape& shape,
                                                 const BackendProfile& backend);

}  // namespace rigsim::workloads
