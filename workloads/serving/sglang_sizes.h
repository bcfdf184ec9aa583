#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/units.h"

namespace rigsim::workloads {

/// What SGLang 0.5.9 derives of a GPU's memory where nothing is said.
struct SglangSizes {
  std::int64_t chunk_tokens = 0;       ///< chunked_prefill_size
  std::vector<std::int64_t> captured;  ///< batch sizes with a CUDA graph (cuda_graph_bs)
  /// mem_fraction_static: weights and KV cache, of the memory that is free before the model is
  /// loaded. Activations and graphs are to find room in the rest.
  double memory_fraction = 0;
};

/// The rules of python/sglang/srt/server_args.py, _handle_gpu_memory_settings and
/// _generate_cuda_graph_batch_sizes, for `memory` as nvidia-smi reports it; `chunk_tokens`: what
/// the user says instead. Data-parallel attention, speculation and piecewise graphs are left out.
/// Throws std::invalid_argument where the rules leave nothing.
[[nodiscard]] SglangSizes sglang_sizes(sim::Bytes memory, int tensor_parallel,
                                       std::optional<std::int64_t> chunk_tokens = std::nullopt,
                                       int stages = 1);

}  // namespace rigsim::workloads
