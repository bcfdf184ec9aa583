#include "workloads/tensor_lowering.h"

#include <utility>
#include <vector>

#include "workloads/ggml_all_reduce.h"

namespace rigsim::workloads {
namespace {

/// What each device of a group waits for.
using RankOps = std::vector<Ops>;

/// Ring all-reduce: 2 (n - 1) steps, in each every device sends 1/n of the data to its neighbour.
RankOps all_reduce(PassOps& ops, const DeployedStage& stage, sim::Bytes size, int layer,
                   RankOps waiting) {
  const std::size_t n = stage.devices.size();
  const sim::Bytes chunk((size.count() + static_cast<std::int64_t>(n) - 1) /
                         static_cast<std::int64_t>(n));
  for (std::size_t step = 0; step < 2 * (n - 1); ++step) {
    RankOps next(n);
    for (std::size_t r = 0; r < n; ++r) {
      const std::size_t to = (r + 1) % n;
      const auto op =
          ops.transfer("all_reduce", stage.devices[r], stage.devices[to], chunk, layer, waiting[r]);
      for (const auto before : waiting[to]) ops.precede(before, op);
      next[to] = {op};
    }
    waiting = std::move(next);
  }
  return waiting;
}

sim::Bytes reduced_bytes(const Deployment& d, const DeployedStage& stage, std::int64_t tokens) {
  if (stage.split == SplitMode::kTensor)
    return ggml_nccl_bytes(tokens * d.model.hidden, stage.devices.size());
  return hidden_state_bytes(d.model, tokens, d.engine);
}

/// Two devices of llama.cpp's tensor split, without NCCL.
bool reduces_through_host(const Deployment& d, const DeployedStage& stage) {
  return stage.split == SplitMode::kTensor && stage.devices.size() == 2 &&
         d.network.has_host_link(stage.devices[0]) && d.network.has_host_link(stage.devices[1]);
}

RankOps ggml_all_reduce(PassOps& ops, const DeployedStage& stage, std::int64_t tokens, int layer,
                        const RankOps& waiting) {
  const Deployment& d = ops.deployment();
  const std::uint32_t first = stage.devices[0];
  const sim::Duration event = sim::from_seconds(ops.backend(first).row_handover_us * 1e-6);
  const GgmlAllReduce reduce(d.network, first, stage.devices[1], event);
  Ops all;
  for (const Ops& each : waiting) all.insert(all.end(), each.begin(), each.end());
  const Ops done{
      ops.exchange("all_reduce", first, reduce.time(tokens * d.model.hidden), layer, all)};
  return RankOps(waiting.size(), done);
}

RankOps lower_kernels(PassOps& ops, const DeployedStage& stage, const std::vector<Kernel>& kernels,
                      const PassShape& shape, RankOps waiting) {
  const Deployment& d = ops.deployment();
  for (const Kernel& kernel : kernels) {
    for (std::size_t r = 0; r < stage.devices.size(); ++r) {
      waiting[r] = {ops.kernel(kernel, stage.devices[r], false, waiting[r])};
    }
    if (kernel.name == "attn_output" || kernel.name == "ffn_down") {
      if (reduces_through_host(d, stage)) {
        waiting = ggml_all_reduce(ops, stage, shape.tokens, kernel.layer, waiting);
        continue;
      }
      waiting = all_reduce(ops, stage, reduced_bytes(d, stage, shape.tokens), kernel.layer,
                           std::move(waiting));
    }
  }
  return waiting;
}

}  // namespace

Ops lower_tensor_stage(PassOps& ops, const DeployedStage& stage, const PassShape& shape,
                       Ops ready) {
  const Deployment& d = ops.deployment();
  const std::uint32_t first = stage.devices[0];
  RankOps waiting(stage.devices.size(), std::move(ready));
  for (int layer = stage.first_layer; layer < stage.first_layer + stage.layer_count; ++layer) {
    const auto& weights = d.weights.layers[static_cast<std::size_t>(layer)];
    const auto kernels = layer_kernels(d.model, weights, layer, shape, d.engine, ops.backend(first),
                                       ops.device(first));
    waiting = lower_kernels(ops, stage, kernels, shape, std::move(waiting));
  }
  if (stage.has_head) {
    const auto kernels = head_kernels(d.model, d.weights.head, shape, d.engine, ops.backend(first),
                                      ops.device(first));
    waiting = lower_kernels(ops, stage, kernels, shape, std::move(waiting));
  }
  Ops last;
  for (const Ops& each : waiting) last.insert(last.end(), each.begin(), each.end());
  return last;
}

}  // namespace rigsim::workloads
