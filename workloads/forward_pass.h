#pragma once

#include <cstdint>
#include <vector>

#include "sim/units.h"
#include "workloads/engine_profile.h"
#include "workloads/kernel.h"
#include "workloads/model.h"
#include "workloads/tensor.h"
#include "workloads/tensor_type.h"
#include "workloads/weights_format.h"

namespace rigsim::workloads {

/// A weight tensor as it is stored.
struct StoredTensor {
  Tensor tensor;
  TensorType type{};
  sim::Bytes bytes{};
};

/// The weights of a model in one format, by where they are used.
struct WeightLayout {
  std::vector<std::vector<StoredTensor>> layers;  ///< [layers]
  std::vector<StoredTensor> head;  ///< final norm and language-model head (the tied embedding too)
};

/// Stores every tensor of `model` as `format` says. A tied head appears in `head` as well.
[[nodiscard]] WeightLayout weight_layout(const Model& model, const WeightsFormat& format);

/// What one forward pass must do, the same for every layer.
struct PassShape {
  std::int64_t tokens = 1;  ///< new tokens, all sequences together
  std::int64_t sequences = 1;
  std::int64_t context =
      1;                    ///< KV tokens a sequence attends to, its new ones included, padding not
  std::int64_t logits = 1;  ///< tokens whose logits are computed
  double kv_bytes_per_element = 2;
  int tensor_parallel = 1;         ///< this device holds 1 / tensor_parallel of each layer
  bool sequence_parallel = false;  ///< norms work on 1 / tensor_parallel of the tokens
  int expert_parallel = 1;  ///< this device's group holds 1 / expert_parallel of the experts whole
  std::int64_t expert_tokens = 0;  ///< of all that share the experts; 0: `tokens`
  double expert_load = 1;          ///< tokens that come to this device's experts over their mean
};

/// A pass over at most this many tokens streams weights through mat-vec kernels; longer ones use
/// GEMMs. Source: llama.cpp's mul_mat_vec_q limit (MMVQ_MAX_BATCH_SIZE = 8).
inline constexpr std::int64_t kMatVecTokens = 8;

/// The kernels of one layer, in launch order, as `style` cuts them.
[[nodiscard]] std::vector<Kernel> layer_kernels(const Model& model,
                                                const std::vector<StoredTensor>& weights, int layer,
                                                const PassShape& shape, const EngineProfile& engine,
                                                const BackendProfile& backend,
                                                const topology::Device& device);

/// The kernels after the last layer: final norm and head.
[[nodiscard]] std::vector<Kernel> head_kernels(const Model& model,
                                               const std::vector<StoredTensor>& head,
                                               const PassShape& shape, const EngineProfile& engine,
                                               const BackendProfile& backend,
                                               const topology::Device& device);

/// Bytes of the hidden state that `tokens` hand from stage to stage (32-bit in ggml, 16-bit in
/// fused engines).
[[nodiscard]] sim::Bytes hidden_state_bytes(const Model& model, std::int64_t tokens,
                                            const EngineProfile& engine);

}  // namespace rigsim::workloads
