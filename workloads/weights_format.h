#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "sim/units.h"
#include "workloads/gguf_mix.h"
#include "workloads/model.h"
#include "workloads/tensor.h"
#include "workloads/tensor_type.h"

namespace rigsim::workloads {

/// Checkpoints that keep their linear layers in one type and everything else (embeddings, head,
/// router, norms, biases) in 16 bits. gpt-oss quantises its experts only, as released
/// (openai/gpt-oss README).
struct LinearLayers {
  TensorType type = TensorType::kBf16;
  TensorType rest = TensorType::kBf16;

  friend bool operator==(const LinearLayers&, const LinearLayers&) = default;
};

/// How a whole model's weights are stored.
struct WeightsFormat {
  std::string name;  ///< as the catalogue and the files spell it: "Q4_K_M", "AWQ-4bit-g128"
  std::variant<GgufFile, LinearLayers> rule;

  friend bool operator==(const WeightsFormat&, const WeightsFormat&) = default;
};

/// The 30 GGUF mixes and the 14 other formats, in the catalogue's order.
[[nodiscard]] std::span<const WeightsFormat> known_weights_formats();

/// The known format of exactly this name. Throws std::invalid_argument listing the names otherwise.
[[nodiscard]] const WeightsFormat& weights_format(std::string_view name);

/// The type that `tensor` of `model` has in `format`.
[[nodiscard]] TensorType tensor_type(const WeightsFormat& format, const Model& model,
                                     const Tensor& tensor);

/// The bytes of `tensor` of `model` in `format`.
[[nodiscard]] sim::Bytes tensor_bytes(const WeightsFormat& format, const Model& model,
                                      const Tensor& tensor);

/// The bytes of all of `model`'s tensors in `format`. A file is a little larger: a GGUF header with
/// its vocabulary takes about 8 MB for Llama 3 (0.03 % of a 25 GB file), which is not counted.
[[nodiscard]] sim::Bytes weight_bytes(const Model& model, const WeightsFormat& format);

/// Mean bits per weight, all tensors counted.
[[nodiscard]] double bits_per_weight(const Model& model, const WeightsFormat& format);

}  // namespace rigsim::workloads
