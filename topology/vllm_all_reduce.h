#pragma once

#include <optional>

#include "topology/collective_profile.h"
#include "topology/nccl_wiring.h"

namespace rigsim::topology {

/// How vLLM runs an all-reduce of `size` itself: kOneShot, kTwoShot, kNvls (symmetric memory, the
/// switch reduces); none where it calls NCCL.
[[nodiscard]] std::optional<Algorithm> vllm_algorithm(sim::Bytes size, const NcclGraph& graph,
                                                      const VllmAllReduce& vllm);

/// Its time by the formulas at VllmAllReduce; kNvls as two-shot, to which it comes close.
/// Throws std::logic_error for another algorithm.
[[nodiscard]] sim::Duration vllm_time(sim::Bytes size, Algorithm algorithm, const NcclGraph& graph,
                                      const VllmAllReduce& vllm);

}  // namespace rigsim::topology
