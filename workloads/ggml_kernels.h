#pragma once

#include <string>
#include <vector>

#include "workloads/forward_pass.h"

namespace rigsim::workloads {

/// One layer as ggml launches it: one kernel per graph node, 30 launches for a dense layer at
/// batch 1. At batch 1 to 8 every matrix is a quantise + mat-vec pair; beyond, block formats are
/// expanded to 16 bit in memory, activations are converted to 16 bit and back, and attention scores
/// pass through memory unless `engine` has flash attention. Counted in llama.cpp's graph and CUDA
/// backend, b2824 (May 2024). On one of several tensor-parallel devices (llama.cpp's tensor split)
/// the same kernels work on its equal part of the matrices and heads.
[[nodiscard]] std::vector<Kernel> ggml_layer_kernels(
    const Model& model, const std::vector<StoredTensor>& weights, int layer, const PassShape& shape,
    const EngineProfile& engine, const BackendProfile& backend, const topology::Device& device);

/// Final norm and head; only `shape.logits` rows reach the head.
[[nodiscard]] std::vector<Kernel> ggml_head_kernels(const Model& model,
                                                    const std::vector<StoredTensor>& head,
                                                    const PassShape& shape,
                                                    const BackendProfile& backend,
                                                    const topology::Device& device);

}  // namespace rigsim::workloads
