#include "workloads/fit_change.h"

#include <algorithm>
#include <cstddef>
#include <optional>

namespace rigsim::workloads {
namespace {

bool fits(const MemoryRequest& request) { return plan_memory(request).fits(); }

std::optional<FitChange> shorter_context(const MemoryRequest& request) {
  const auto tokens = largest_context(request, request.context - 1);
  return tokens ? std::optional<FitChange>(ShorterContext{*tokens}) : std::nullopt;
}

std::optional<FitChange> smaller_weights(MemoryRequest request,
                                         std::span<const WeightsFormat> candidates) {
  sim::Bytes present = weight_bytes(request.model, request.format);
  std::optional<SmallerWeights> best;
  sim::Bytes best_bytes{0};
  for (const WeightsFormat& candidate : candidates) {
    const sim::Bytes bytes = weight_bytes(request.model, candidate);
    if (bytes >= present || bytes <= best_bytes) continue;
    request.format = candidate;
    if (!fits(request)) continue;
    best = SmallerWeights{candidate};
    best_bytes = bytes;
  }
  return best ? std::optional<FitChange>(*best) : std::nullopt;
}

std::optional<FitChange> more_devices(MemoryRequest request, int most_devices) {
  const int per_stage = request.plan.tp * request.plan.dp;
  request.plan.layers_per_stage.clear();
  request.plan.devices.clear();
  request.devices.resize(static_cast<std::size_t>(device_count(request.plan)));
  const topology::Device further = request.devices.back();
  while (device_count(request.plan) + per_stage <= most_devices &&
         request.plan.pp < request.model.layers) {
    ++request.plan.pp;
    request.devices.insert(request.devices.end(), static_cast<std::size_t>(per_stage),
                           request.devices.back());
    if (fits(request)) return MoreDevices{device_count(request.plan)};
  }
  return std::nullopt;
}

std::optional<FitChange> fewer_gpu_layers(MemoryRequest request) {
  if (!request.engine.offloads_layers) return std::nullopt;
  request.plan.layers_per_stage.clear();
  const int present = request.plan.gpu_layers.value_or(request.model.layers + 1);
  for (int layers = std::min(present - 1, request.model.layers); layers >= 0; --layers) {
    request.plan.gpu_layers = layers;
    if (fits(request)) return FewerGpuLayers{layers};
  }
  return std::nullopt;
}

}  // namespace

std::vector<FitChange> smallest_changes(const MemoryRequest& request,
                                        std::span<const WeightsFormat> candidates,
                                        int most_devices) {
  if (fits(request)) return {};
  std::vector<FitChange> changes;
  for (const auto& change : {shorter_context(request), smaller_weights(request, candidates),
                             more_devices(request, most_devices), fewer_gpu_layers(request)}) {
    if (change) changes.push_back(*change);
  }
  return changes;
}

}  // namespace rigsim::workloads
