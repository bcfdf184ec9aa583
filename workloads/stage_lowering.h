#pragma once

#include <cstdint>
#include <span>

#include "workloads/deployment.h"
#include "workloads/forward_pass.h"
#include "workloads/pass_ops.h"

namespace rigsim::workloads {

/// What one replica does of a micro-batch on one stage.
struct StageWork {
  const DeployedStage* stage = nullptr;
  PassShape shape;
  topology::LaunchMode launch = topology::LaunchMode::kGraph;
  RankOps waiting;  ///< what each device of the stage (or the host) waits for
};

/// Lowers the layers and the head of one stage for each replica of `works`; leaves the last ops in
/// their `waiting`. Replicas of one call share their experts (tensor_lowering.h); others come in
/// calls of their own. One device runs its kernels one after the other. Layers on the host run on
/// its CPU, or, for prompts long enough to be worth copying the weights, on the first GPU.
/// `pipelined`: the host submits kernels ahead of the device.
void lower_stage(PassOps& ops, std::span<StageWork> works, bool pipelined);

/// From the end of one stage, which `ready` is of, to the start of the next: the host synchronises,
/// then the hidden state is copied. Within one memory nothing is. Fused engines hand on the
/// residual too, each rank its share to the same rank of the next stage, whose ranks then gather
/// both (vLLM's send_tensor_dict and recv_tensor_dict, vllm/distributed/parallel_state.py).
/// Returns what each device of `to` waits for.
[[nodiscard]] RankOps lower_boundary(PassOps& ops, const DeployedStage& from,
                                     const DeployedStage& to, const PassShape& shape,
                                     topology::LaunchMode launch, const RankOps& ready);

/// As if there were nothing to wait for, on each device of the stage (one for the host).
[[nodiscard]] RankOps no_waiting(const DeployedStage& stage, const Ops& ready = {});

}  // namespace rigsim::workloads
