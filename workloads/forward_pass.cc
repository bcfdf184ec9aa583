#include "workloads/forward_pass.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "workloads/fused_kernels.h"
#include "workloads/ggml_kernels.h"

namespace rigsim::workloads {

WeightLayout weight_layout(const Model& model, const WeightsFormat& format) {
  WeightLayout layout;
  layout.layers.resize(static_cast<std::size_t>(model.layers));
  const auto store = [&](Tensor tensor) {
    const TensorType type = tensor_type(format, model, tensor);
    return StoredTensor{tensor, type, stored_bytes(type, tensor)};
  };
  for (const Tensor& tensor : tensors(model)) {
    if (tensor.layer) {
      layout.layers[static_cast<std::size_t>(*tensor.layer)].push_back(store(tensor));
    } else if (tensor.role == TensorRole::kOutput || tensor.role == TensorRole::kOutputNorm ||
               (tensor.role == TensorRole::kTokenEmbedding && model.tied_embeddings)) {
      layout.head.push_back(store(tensor));
    }
  }
  return layout;
}

std::vector<Kernel> layer_kernels(const Model& model, const std::vector<StoredTensor>& weights,
                                  int layer, const PassShape& shape, const EngineProfile& engine,
                                  const BackendProfile& backend, const topology::Device& device) {
  return engine.style == KernelStyle::kGgml
             ? ggml_layer_kernels(model, weights, layer, shape, engine, backend, device)
             : fused_layer_kernels(model, weights, layer, shape, engine, backend);
}

std::vector<Kernel> head_kernels(const Model& model, const std::vector<StoredTensor>& head,
                                 const PassShape& shape, const EngineProfile& engine,
                                 const BackendProfile& backend, const topology::Device& device) {
  return engine.style == KernelStyle::kGgml ? ggml_head_kernels(model, head, shape, backend, device)
                                            : fused_head_kernels(model, head, shape, backend);
}

sim::Bytes hidden_state_bytes(const Model& model, std::int64_t tokens,
                              const EngineProfile& engine) {
  const std::int64_t element = engine.style == KernelStyle::kGgml ? 4 : 2;
  return sim::Bytes(tokens * model.hidden * element);
}

}  // namespace rigsim::workloads
