#include "workloads/stage_lowering.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "workloads/row_lowering.h"
#include "workloads/tensor_lowering.h"
#include "workloads/whole_blocks.h"

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

std::vector<std::uint32_t> places_of(const DeployedStage& stage) {
  return stage.on_host ? std::vector<std::uint32_t>{kHostPlace} : stage.devices;
}

/// Whether the host waits for a copy between two devices: where the driver stages it and the engine
/// does not launch past it.
bool blocks_host(const PassOps& ops, std::uint32_t from, std::uint32_t to) {
  if (from == kHostPlace || to == kHostPlace || !ops.backend(to).staged_copy_blocks) return false;
  return ops.deployment().network.route(from, to).staged;
}

/// As llama.cpp does: the first device of a stage sends all of it to each of the next.
RankOps send_whole(PassOps& ops, std::uint32_t from, const DeployedStage& to, sim::Bytes size,
                   const Ops& ready) {
  RankOps arrived;
  auto targets = places_of(to);
  if (to.split == SplitMode::kRow) targets.resize(1);  // the main device has the layer's input
  for (const auto target : targets) {
    if (shares_memory(ops.deployment(), from, target)) return {ready};
    const sim::OpId copy = ops.transfer("hidden_state", from, target, size, -1, ready);
    if (blocks_host(ops, from, target)) ops.block_host(target, copy);
    arrived.push_back({copy});
  }
  return arrived;
}

/// As vLLM does: hidden state and residual, each rank its share of both.
RankOps send_shares(PassOps& ops, const DeployedStage& from, const DeployedStage& to,
                    sim::Bytes size, topology::LaunchMode launch, const Ops& ready) {
  const auto ranks = static_cast<std::int64_t>(to.devices.size());
  const sim::Bytes share(divide_up(2 * size.count(), ranks));
  RankOps arrived;
  for (std::size_t r = 0; r < to.devices.size(); ++r)
    arrived.push_back(
        {ops.send("hidden_state", from.devices[r], to.devices[r], share, launch, -1, ready)});
  for (int tensor = 0; tensor < 2; ++tensor) {
    arrived = ops.collective("all_gather", {topology::CollectiveKind::kAllGather, to.devices, size},
                             launch, -1, arrived);
  }
  return arrived;
}

}  // namespace

RankOps no_waiting(const DeployedStage& stage, const Ops& ready) {
  return RankOps(std::max<std::size_t>(stage.devices.size(), 1), ready);
}

void lower_stage(PassOps& ops, std::span<StageWork> works, bool pipelined) {
  StageWork& work = works.front();
  const bool several = works.size() > 1 || work.stage->devices.size() > 1;
  if (several && work.stage->split == SplitMode::kRow) {
    ops.set_sequences(work.shape.sequences);
    work.waiting = {lower_row_stage(ops, *work.stage, work.shape, joined(work.waiting))};
    return;
  }
  if (several) {
    lower_tensor_stage(ops, works);
    return;
  }
  const bool on_host = work.stage->on_host;
  const std::uint32_t place = on_host ? kHostPlace : work.stage->devices.front();
  PassShape local = work.shape;
  local.tensor_parallel = 1;
  ops.set_sequences(local.sequences);
  work.waiting = {
      lower_on_one(ops, *work.stage, place, local, pipelined && !on_host, joined(work.waiting))};
}

RankOps lower_boundary(PassOps& ops, const DeployedStage& from, const DeployedStage& to,
                       const PassShape& shape, topology::LaunchMode launch, const RankOps& ready) {
  if (from.on_host && to.on_host) return ready;
  const Deployment& d = ops.deployment();
  const std::uint32_t place = places_of(from).front();
  const sim::OpId synced = ops.sync(place, joined(ready));
  const auto size = hidden_state_bytes(d.model, shape.tokens, d.engine);
  const bool shares = d.engine.style == KernelStyle::kFused && !from.on_host && !to.on_host &&
                      from.devices.size() == to.devices.size();
  return shares ? send_shares(ops, from, to, size, launch, {synced})
                : send_whole(ops, place, to, size, {synced});
}

}  // namespace rigsim::workloads
