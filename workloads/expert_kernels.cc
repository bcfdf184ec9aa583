#include "workloads/expert_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "workloads/attention_shape.h"
#include "workloads/weight_roles.h"

namespace rigsim::workloads {
namespace {

constexpr double kHalf = 2;  // activations are 16-bit

/// What one device does in a product: its part of the weights, how much of that it reads, the rows
/// it multiplies and the share of its weights that one row meets.
struct Part {
  double weights = 1;
  double read = 1;
  double rows = 0;
  double met = 1;
};

/// Collects the kernels of one MoE layer on one device.
class Builder {
 public:
  Builder(const std::vector<StoredTensor>& weights, int layer, const BackendProfile& backend)
      : weights_(weights), layer_(layer), launches_(1 + backend.gemm_extra_launches) {}

  /// One product with the matrices that `wanted` picks, side by side.
  template <class Predicate>
  void product(std::string_view name, const Part& part, Predicate wanted) {
    Kernel kernel = base(KernelKind::kGemm, name, part.rows);
    kernel.launches = launches_;
    double outputs = 0;
    double inputs = 0;
    for (const auto& w : weights_) {
      if (!wanted(w.tensor.role)) continue;
      outputs += static_cast<double>(w.tensor.rows);
      inputs = std::max(inputs, static_cast<double>(w.tensor.cols));
      kernel.weight_bytes += static_cast<double>(w.bytes.count()) * part.weights * part.read;
      kernel.flops +=
          2 * part.rows * static_cast<double>(w.tensor.weights()) * part.weights * part.met;
    }
    if (kernel.weight_bytes <= 0) return;
    kernel.outputs = std::llround(outputs);
    kernel.traffic_bytes = part.rows * (inputs + outputs) * kHalf;
    kernels_.push_back(kernel);
  }

  void activation(std::string_view name, double rows, double width) {
    Kernel kernel = base(KernelKind::kElementwise, name, rows);
    kernel.working_set_bytes = rows * width * kHalf;
    kernel.traffic_bytes = 3 * kernel.working_set_bytes;
    kernels_.push_back(kernel);
  }

  [[nodiscard]] std::vector<Kernel> take() { return std::move(kernels_); }

 private:
  [[nodiscard]] Kernel base(KernelKind kind, std::string_view name, double rows) const {
    Kernel kernel;
    kernel.kind = kind;
    kernel.name = name;
    kernel.layer = layer_;
    kernel.tokens = std::max<std::int64_t>(std::llround(rows), 1);
    return kernel;
  }

  const std::vector<StoredTensor>& weights_;
  int layer_;
  int launches_;
  std::vector<Kernel> kernels_;
};

bool is_shared_input(TensorRole role) {
  return role == TensorRole::kSharedGate || role == TensorRole::kSharedUp;
}

bool is_expert_input(TensorRole role) {
  return role == TensorRole::kExpertGate || role == TensorRole::kExpertUp;
}

}  // namespace

std::vector<Kernel> expert_kernels(const Model& model, const std::vector<StoredTensor>& weights,
                                   int layer, const PassShape& shape,
                                   const BackendProfile& backend) {
  if (!model.experts) throw std::logic_error("expert kernels of a model without experts");
  const Experts& experts = *model.experts;
  const double tokens = static_cast<double>(shape.tokens);
  const std::int64_t routed = shape.expert_tokens > 0 ? shape.expert_tokens : shape.tokens;
  const double cut = std::max(shape.tensor_parallel / shape.expert_parallel, 1);
  const double width = static_cast<double>(experts.intermediate);
  // Each routed row meets one of the device's experts.
  const Part expert{.weights = 1 / (cut * shape.expert_parallel),
                    .read = touched_experts(experts, routed) / experts.count,
                    .rows = static_cast<double>(routed) * experts.active / shape.expert_parallel *
                            shape.expert_load,
                    .met = static_cast<double>(shape.expert_parallel) / experts.count};
  const Part shared{.weights = 1.0 / shape.tensor_parallel, .rows = tokens};
  Builder builder(weights, layer, backend);
  builder.product("router", Part{.rows = tokens},
                  [](TensorRole role) { return role == TensorRole::kRouter; });
  builder.product("expert_gate_up", expert, is_expert_input);
  builder.activation("expert_activation", expert.rows, width / cut);
  builder.product("expert_down", expert,
                  [](TensorRole role) { return role == TensorRole::kExpertDown; });
  if (experts.shared == 0) return builder.take();
  builder.product("shared_gate_up", shared, is_shared_input);
  builder.activation("shared_activation", tokens, experts.shared * width / shape.tensor_parallel);
  builder.product("shared_down", shared,
                  [](TensorRole role) { return role == TensorRole::kSharedDown; });
  return builder.take();
}

}  // namespace rigsim::workloads
