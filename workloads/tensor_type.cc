#include "workloads/tensor_type.h"

#include <array>
#include <cstddef>

#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

constexpr TensorTypeInfo block(TensorType type, std::string_view name, std::int64_t weights,
                               std::int64_t bytes) {
  return {.type = type, .name = name, .block_weights = weights, .block_bits = bytes * 8};
}

constexpr TensorTypeInfo scaled(TensorType type, std::string_view name, std::int64_t bits,
                                ScaleTile tile) {
  return {.type = type, .name = name, .block_weights = 1, .block_bits = bits, .tile = tile};
}

using T = TensorType;

/// Block sizes of the ggml types: ggml-org/llama.cpp gguf-py/gguf/constants.py@0024aa74,
/// GGML_QUANT_SIZES. Others: GPTQ and AWQ packing: AutoGPTQ and AutoAWQ, a 16-bit scale and a
/// `bits`-wide zero per group of 128 inputs. NF4: Dettmers et al., QLoRA (2023): one absmax per 64
/// weights, 32-bit, or 8-bit with a 32-bit one per 256 blocks. LLM.int8(): 32-bit scale per row.
/// FP8 in 128 x 128 blocks: deepseek-ai/DeepSeek-V3 README_WEIGHTS.md@9b4e9788. MXFP8: OCP
/// Microscaling 1.0. NVFP4: NVIDIA, 9 bytes per 16 weights and a 32-bit scale per matrix.
constexpr std::array kTypes = std::to_array<TensorTypeInfo>({
    block(T::kF32, "F32", 1, 4),
    block(T::kF16, "F16", 1, 2),
    block(T::kBf16, "BF16", 1, 2),
    block(T::kQ4_0, "Q4_0", 32, 18),
    block(T::kQ4_1, "Q4_1", 32, 20),
    block(T::kQ5_0, "Q5_0", 32, 22),
    block(T::kQ5_1, "Q5_1", 32, 24),
    block(T::kQ8_0, "Q8_0", 32, 34),
    block(T::kQ2_K, "Q2_K", 256, 84),
    block(T::kQ3_K, "Q3_K", 256, 110),
    block(T::kQ4_K, "Q4_K", 256, 144),
    block(T::kQ5_K, "Q5_K", 256, 176),
    block(T::kQ6_K, "Q6_K", 256, 210),
    block(T::kIq1_S, "IQ1_S", 256, 50),
    block(T::kIq1_M, "IQ1_M", 256, 56),
    block(T::kIq2_XXS, "IQ2_XXS", 256, 66),
    block(T::kIq2_XS, "IQ2_XS", 256, 74),
    block(T::kIq2_S, "IQ2_S", 256, 82),
    block(T::kIq3_XXS, "IQ3_XXS", 256, 98),
    block(T::kIq3_S, "IQ3_S", 256, 110),
    block(T::kIq4_NL, "IQ4_NL", 32, 18),
    block(T::kIq4_XS, "IQ4_XS", 256, 136),
    block(T::kTq1_0, "TQ1_0", 256, 54),
    block(T::kTq2_0, "TQ2_0", 256, 66),
    block(T::kMxfp4, "MXFP4", 32, 17),
    block(T::kNvfp4, "NVFP4", 64, 36),
    scaled(T::kGptq4G128, "GPTQ-4bit-g128", 4, {1, 128, 16 + 4}),
    scaled(T::kGptq3G128, "GPTQ-3bit-g128", 3, {1, 128, 16 + 3}),
    scaled(T::kAwq4G128, "AWQ-4bit-g128", 4, {1, 128, 16 + 4}),
    scaled(T::kRtn4G128, "RTN-4bit-g128", 4, {1, 128, 16 + 4}),
    block(T::kNf4, "bnb-NF4", 64, 36),
    TensorTypeInfo{.type = T::kNf4DoubleQuantised,
                   .name = "bnb-NF4-DQ",
                   .block_weights = 64,
                   .block_bits = 64 * 4 + 8,
                   .run_weights = 64 * 256,
                   .run_bits = 32},
    block(T::kBnbFp4, "bnb-FP4", 64, 36),
    scaled(T::kBnbInt8, "bnb-INT8", 8, {1, 0, 32}),
    scaled(T::kInt8Channel, "W8A8-INT8", 8, {1, 0, 16}),
    scaled(T::kFp8Tensor, "FP8-E4M3-tensor", 8, {0, 0, 32}),
    scaled(T::kFp8Block128, "FP8-E4M3-block128", 8, {128, 128, 32}),
    block(T::kMxfp8, "MXFP8", 32, 33),
    TensorTypeInfo{.type = T::kNvfp4Block16,
                   .name = "NVFP4-block16",
                   .block_weights = 16,
                   .block_bits = 9 * 8,
                   .tile = {0, 0, 32}},
});
static_assert(kTypes.size() == static_cast<std::size_t>(T::kNvfp4Block16) + 1);

std::int64_t tiles_along(std::int64_t extent, std::int64_t tile) {
  return tile == 0 ? 1 : divide_up(extent, tile);
}

std::int64_t matrix_bits(const TensorTypeInfo& type, std::int64_t rows, std::int64_t cols) {
  const std::int64_t blocks = rows * divide_up(cols, type.block_weights) * type.block_bits;
  const std::int64_t tiles =
      tiles_along(rows, type.tile.rows) * tiles_along(cols, type.tile.cols) * type.tile.bits;
  const std::int64_t runs =
      type.run_weights == 0 ? 0 : divide_up(rows * cols, type.run_weights) * type.run_bits;
  return blocks + tiles + runs;
}

}  // namespace

double TensorTypeInfo::bits_per_weight(std::int64_t side) const {
  return static_cast<double>(matrix_bits(*this, side, side)) / static_cast<double>(side * side);
}

std::span<const TensorTypeInfo> tensor_types() { return kTypes; }

const TensorTypeInfo& info(TensorType type) { return kTypes.at(static_cast<std::size_t>(type)); }

bool is_quantised(TensorType type) {
  return info(type).block_weights > 1 || info(type).tile.bits > 0;
}

sim::Bytes stored_bytes(TensorType type, const Tensor& tensor) {
  return sim::Bytes(tensor.count * divide_up(matrix_bits(info(type), tensor.rows, tensor.cols), 8));
}

}  // namespace rigsim::workloads
