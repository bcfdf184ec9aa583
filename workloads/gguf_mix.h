#pragma once

#include <cstdint>
#include <string_view>

#include "workloads/model.h"
#include "workloads/tensor.h"
#include "workloads/tensor_type.h"

namespace rigsim::workloads {

/// The named mixes in which llama.cpp's quantiser writes a GGUF file: a base type, and better ones
/// for the tensors that suffer most. ("S", "M", "L": how many get better.)
enum class GgufMix : std::uint8_t {
  kF32,
  kF16,
  kBf16,
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kQ2_K,
  kQ2_K_S,
  kQ3_K_S,
  kQ3_K_M,
  kQ3_K_L,
  kQ4_K_S,
  kQ4_K_M,
  kQ5_K_S,
  kQ5_K_M,
  kQ6_K,
  kIq1_S,
  kIq1_M,
  kIq2_XXS,
  kIq2_XS,
  kIq2_S,
  kIq2_M,
  kIq3_XXS,
  kIq3_XS,
  kIq3_S,
  kIq3_M,
  kIq4_NL,
  kIq4_XS
};

/// Whether the quantiser was given measured weights of importance ("imatrix"). It changes the types
/// of IQ3_XXS, IQ4_XS, IQ4_NL, Q4_0 and Q5_0 files.
enum class ImportanceMatrix : std::uint8_t {
  kAsPublished,  ///< as the published Llama-3 files were made: IQ3_XXS with, IQ4 of the 70B with,
                 ///< all others without
  kWithout,
  kWith
};

/// A GGUF file: the mix's rules give each tensor its type.
struct GgufFile {
  GgufMix mix = GgufMix::kF16;
  ImportanceMatrix importance_matrix = ImportanceMatrix::kAsPublished;

  friend bool operator==(const GgufFile&, const GgufFile&) = default;
};

/// The mix's name as files carry it: "Q4_K_M".
[[nodiscard]] std::string_view to_string(GgufMix mix);

/// The type most of the file's matrices have.
[[nodiscard]] TensorType base_type(GgufMix mix);

/// The type that `tensor` of `model` has in `file`.
/// Rules: ggml-org/llama.cpp src/llama-quant.cpp@007dbbf3 (read 2026-11); they reproduce all 52
/// published sizes of the Llama-3 files to 0.2 %. Vectors, routers and learned positions stay F32.
/// Experts follow the rule of the dense matrix in their place, by layer; MLA's own matrices take
/// the base type, its file layout being today's (K and V parts apart). A row that is no whole
/// number of blocks takes the nearest type in blocks of 32, else F16.
[[nodiscard]] TensorType tensor_type(GgufFile file, const Model& model, const Tensor& tensor);

}  // namespace rigsim::workloads
