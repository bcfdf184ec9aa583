#include "workloads/stage_lowering.h"

#include <optional>
#include <utility>
#include <vector>

#include "workloads/row_lowering.h"
#include "workloads/tensor_lowering.h"

namespace rigsim::workloads {
namespace {

/// Prompts of at least this many tokens are worth copying a host layer's weights to a GPU for
/// (llama.cpp does so).
constexpr std::int64_t kBorrowTokens = 32;

std::optional<std::uint32_t> borrowed_device(const Deployment& d, const DeployedStage& stage,
                                             const PassShape& shape) {
  if (!stage.on_host || shape.tokens < kBorrowTokens) return std::nullopt;
  for (std::uint32_t device = 0; device < d.rig.devices.size(); ++device) {
    if (d.network.has_host_link(device)) return device;
  }
  return std::nullopt;
}

sim::Bytes stored(const std::vector<StoredTensor>& weights) {
  sim::Bytes total;
  for (const auto& w : weights) total += w.bytes;
  return total;
}

std::vector<Kernel> kernels_of_layer(const PassOps& ops, int layer, const PassShape& shape,
                                     std::uint32_t place) {
  const Deployment& d = ops.deployment();
  return layer_kernels(d.model, d.weights.layers[static_cast<std::size_t>(layer)], layer, shape,
                       d.engine, ops.backend(place), ops.device(place));
}

std::vector<Kernel> kernels_of_head(const PassOps& ops, const PassShape& shape,
                                    std::uint32_t place) {
  const Deployment& d = ops.deployment();
  return head_kernels(d.model, d.weights.head, shape, d.engine, ops.backend(place),
                      ops.device(place));
}

/// A layer of the host's on `device`: its weights are copied there for this pass.
Ops lower_borrowed(PassOps& ops, int layer, const PassShape& shape, std::uint32_t device,
                   Ops ready) {
  const auto& weights = ops.deployment().weights.layers[static_cast<std::size_t>(layer)];
  ready = {ops.transfer_in_order("layer_weights", kHostPlace, device, stored(weights), layer,
                                 std::move(ready))};
  PassShape whole = shape;
  whole.tensor_parallel = 1;
  return ops.chain(kernels_of_layer(ops, layer, whole, device), device, false, std::move(ready));
}

/// The layers and head of a stage that is one place.
Ops lower_on_one(PassOps& ops, const DeployedStage& stage, std::uint32_t place,
                 const PassShape& shape, bool pipelined, Ops ready) {
  for (int layer = stage.first_layer; layer < stage.first_layer + stage.layer_count; ++layer) {
    if (const auto device = borrowed_device(ops.deployment(), stage, shape)) {
      ready = lower_borrowed(ops, layer, shape, *device, std::move(ready));
    } else {
      ready =
          ops.chain(kernels_of_layer(ops, layer, shape, place), place, pipelined, std::move(ready));
    }
  }
  if (!stage.has_head) return ready;
  return ops.chain(kernels_of_head(ops, shape, place), place, pipelined, std::move(ready));
}

/// Whether one of the two is the host and the other has no memory of its own (an Apple SoC).
bool shares_memory(const Deployment& d, std::uint32_t from, std::uint32_t to) {
  if (from != kHostPlace && to != kHostPlace) return false;
  return !d.network.has_host_link(from == kHostPlace ? to : from);
}

}  // namespace

Ops lower_stage(PassOps& ops, const DeployedStage& stage, const PassShape& shape, bool pipelined,
                Ops ready) {
  PassShape local = shape;
  if (stage.on_host) return lower_on_one(ops, stage, kHostPlace, local, false, std::move(ready));
  if (stage.split == SplitMode::kRow && stage.devices.size() > 1)
    return lower_row_stage(ops, stage, local, std::move(ready));
  local.tensor_parallel = static_cast<int>(stage.devices.size());
  if (stage.devices.size() > 1) return lower_tensor_stage(ops, stage, local, std::move(ready));
  return lower_on_one(ops, stage, stage.devices[0], local, pipelined, std::move(ready));
}

Ops lower_boundary(PassOps& ops, const DeployedStage& from, const DeployedStage& to,
                   std::int64_t tokens, const Ops& ready) {
  if (from.on_host && to.on_host) return ready;
  const Deployment& d = ops.deployment();
  const std::uint32_t place = from.on_host ? kHostPlace : from.devices[0];
  const sim::OpId synced = ops.sync(place, ready);
  const auto size = hidden_state_bytes(d.model, tokens, d.engine);
  Ops arrived;
  std::vector<std::uint32_t> targets =
      to.on_host ? std::vector<std::uint32_t>{kHostPlace} : to.devices;
  if (to.split == SplitMode::kRow) targets.resize(1);  // the main device has the layer's input
  for (const auto target : targets) {
    if (shares_memory(d, place, target)) return {synced};
    arrived.push_back(ops.transfer("hidden_state", place, target, size, -1, {synced}));
  }
  return arrived;
}

}  // namespace rigsim::workloads
