#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/units.h"
#include "workloads/deployment.h"
#include "workloads/forward_pass.h"
#include "workloads/tensor_type.h"

namespace rigsim::workloads {

// llama.cpp's row split, as ggml-cuda.cu of December 2023 to May 2024 does it (functions
// ggml_cuda_op_mul_mat, get_row_rounding, ggml_cuda_set_peer_access): of each weight matrix every
// device holds a range of rows. The main device, the first, computes everything else. For a product
// it quantises the activations once, every other device copies them over, multiplies its rows and
// copies its part of the result back into the main device's memory.

/// A product works through its tokens in blocks of so many (MUL_MAT_SRC1_COL_STRIDE).
inline constexpr std::int64_t kRowSplitBlock = 128;

/// Passes of more tokens switch peer access off, so that their copies go through host memory
/// (GGML_CUDA_PEER_MAX_BATCH_SIZE).
inline constexpr std::int64_t kRowSplitPeerTokens = 128;

/// Rows `low` up to, not including, `high`.
struct RowRange {
  std::int64_t low = 0;
  std::int64_t high = 0;

  [[nodiscard]] std::int64_t rows() const { return high - low; }

  friend bool operator==(const RowRange&, const RowRange&) = default;
};

/// The rows of a matrix of `rows` on each device: in proportion to the devices' memory, each border
/// rounded down to a multiple of 128 for block formats (the tile of the quantised kernels).
/// Throws std::invalid_argument without devices or for memory that is not > 0.
[[nodiscard]] std::vector<RowRange> row_ranges(std::int64_t rows, TensorType type,
                                               std::span<const sim::Bytes> memory);

/// `range` of the rows of `whole`.
[[nodiscard]] StoredTensor row_slice(const StoredTensor& whole, RowRange range);

/// Bytes of the activations that `tokens` bring to a product with `weights`: 36 bytes per 32 values
/// (q8_1, rows padded to 512) where the product takes them `quantized`, else 32-bit.
[[nodiscard]] sim::Bytes row_input_bytes(const StoredTensor& weights, std::int64_t tokens,
                                         bool quantized);

/// Bytes of `rows` results of `tokens`, 32-bit.
[[nodiscard]] sim::Bytes row_output_bytes(std::int64_t rows, std::int64_t tokens);

/// The same deployment on a rig whose devices cannot copy to each other directly.
[[nodiscard]] Deployment without_peer_access(Deployment deployment);

}  // namespace rigsim::workloads
