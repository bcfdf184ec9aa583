#include "workloads/row_memory.h"

#include <algorithm>
#include <vector>

#include "workloads/row_split.h"
#include "workloads/tensor.h"

namespace rigsim::workloads {
namespace {

/// The same on the first device alone.
MemoryRequest on_first_device(const MemoryRequest& request) {
  MemoryRequest alone = request;
  alone.plan.tp = 1;
  alone.plan.split = SplitMode::kLayer;
  alone.devices.resize(1);
  return alone;
}

/// The matrices of the layers and the head that are on devices.
std::vector<StoredTensor> split_matrices(const MemoryRequest& request, const Placement& placement) {
  const WeightLayout layout = weight_layout(request.model, request.format);
  std::vector<StoredTensor> matrices;
  const auto add = [&](const std::vector<StoredTensor>& tensors) {
    for (const StoredTensor& each : tensors) {
      if (each.tensor.rows > 1) matrices.push_back(each);
    }
  };
  for (int layer = placement.host_layers; layer < request.model.layers; ++layer)
    add(layout.layers[static_cast<std::size_t>(layer)]);
  if (!placement.head_on_host) add(layout.head);
  return matrices;
}

/// Activations in and results out of the largest product, for a whole micro-batch.
sim::Bytes product_buffers(const StoredTensor& matrix, std::int64_t rows, std::int64_t tokens) {
  return row_input_bytes(matrix, tokens, false) + row_output_bytes(rows, tokens);
}

}  // namespace

MemoryPlan plan_row_memory(const MemoryRequest& request) {
  MemoryPlan plan = plan_memory(on_first_device(request));
  std::vector<sim::Bytes> memory;
  for (int i = 0; i < request.plan.tp; ++i)
    memory.push_back(request.devices[static_cast<std::size_t>(i)].memory);
  for (std::size_t i = 1; i < memory.size(); ++i) {
    DeviceMemory other;
    other.capacity = capacity_of(request.devices[i], request.engine);
    other.items.runtime = plan.devices.front().items.runtime;
    plan.devices.push_back(other);
  }
  for (const StoredTensor& matrix : split_matrices(request, plan.placement)) {
    const auto ranges = row_ranges(matrix.tensor.rows, matrix.type, memory);
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      MemoryItems& items = plan.devices[i].items;
      const sim::Bytes part = row_slice(matrix, ranges[i]).bytes;
      items.weights += part;
      plan.devices.front().items.weights -= part;
      items.activations =
          std::max(items.activations,
                   product_buffers(matrix, ranges[i].rows(), request.engine.micro_batch_tokens));
    }
  }
  return plan;
}

}  // namespace rigsim::workloads
