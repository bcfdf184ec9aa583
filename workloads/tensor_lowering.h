#pragma once

#include <span>

#include "workloads/pass_ops.h"
#include "workloads/stage_lowering.h"

namespace rigsim::workloads {

/// Lowers the layers and the head of a stage whose devices share every layer: each runs its part of
/// a kernel, and after the row-split products (attention output, FFN down) they add up the partial
/// sums in an all-reduce (M. Shoeybi et al., Megatron-LM, arXiv 1909.08053); so they do with the
/// embedding, whose words they share out, and they gather the logits. Sequence parallel: a
/// reduce-scatter, the norm on a share of the tokens, an all-gather.
///
/// Expert parallel within a replica changes which experts a device holds, not what is exchanged.
/// Across the replicas of `works` each device sends its share of its replica's tokens, once for
/// every expert that a token goes to, to the experts' devices and gets the results back (two
/// all-to-alls, as large as the busiest device's part), or where the engine gathers_for_experts all
/// devices gather all tokens and scatter the sums; then the replica's devices gather its tokens.
/// The first device of a group of experts is its busiest.
void lower_tensor_stage(PassOps& ops, std::span<StageWork> works);

}  // namespace rigsim::workloads
