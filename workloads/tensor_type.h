#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "sim/units.h"
#include "workloads/tensor.h"

namespace rigsim::workloads {

/// How the numbers of one tensor are stored. The first 26 are ggml's block types; then those of
/// other weight formats.
enum class TensorType : std::uint8_t {
  kF32,
  kF16,
  kBf16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIq1_S,
  kIq1_M,
  kIq2_XXS,
  kIq2_XS,
  kIq2_S,
  kIq3_XXS,
  kIq3_S,
  kIq4_NL,
  kIq4_XS,
  kTq1_0,
  kTq2_0,
  kMxfp4,
  kNvfp4,  ///< as ggml packs it: 4 sub-blocks of 16
  kGptq4G128,
  kGptq3G128,
  kAwq4G128,
  kRtn4G128,
  kNf4,
  kNf4DoubleQuantised,
  kBnbFp4,
  kBnbInt8,
  kInt8Channel,  ///< one 16-bit scale per output row; activations are INT8 too
  kFp8Tensor,    ///< E4M3, one 32-bit scale per matrix
  kFp8Block128,  ///< E4M3, one 32-bit scale per 128 x 128 tile
  kMxfp8,
  kNvfp4Block16  ///< E4M3 scale per 16 and one 32-bit scale per matrix
};

/// Scales held beside the numbers, one of `bits` for each tile of `rows` x `cols`; 0 means the
/// whole extent.
struct ScaleTile {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t bits = 0;
};

/// The layout of one type: blocks along a row, and scales beside them. Sizes are exact in bits.
struct TensorTypeInfo {
  TensorType type{};
  std::string_view name{};
  std::int64_t block_weights = 1;
  std::int64_t block_bits = 0;
  ScaleTile tile{};  ///< scales by tile of the matrix
  std::int64_t run_weights =
      0;  ///< scales by run of weights counted through the whole matrix; 0: none
  std::int64_t run_bits = 0;

  /// Asymptotic bits per weight of a large square matrix of `side` columns, scales included.
  [[nodiscard]] double bits_per_weight(std::int64_t side = 4096) const;
};

/// Every type, in the order of TensorType.
[[nodiscard]] std::span<const TensorTypeInfo> tensor_types();

[[nodiscard]] const TensorTypeInfo& info(TensorType type);

/// Fewer bits than a floating-point number of its own: it must be unpacked before an ordinary
/// multiplication.
[[nodiscard]] bool is_quantised(TensorType type);

/// Bytes of `tensor` stored as `type`: each row in whole blocks, each of its `count` matrices in
/// whole bytes.
[[nodiscard]] sim::Bytes stored_bytes(TensorType type, const Tensor& tensor);

}  // namespace rigsim::workloads
