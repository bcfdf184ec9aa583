#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "workloads/memory_plan.h"

namespace rigsim::workloads {

/// Keep at most so many tokens of context.
struct ShorterContext {
  std::int64_t tokens = 0;
};

/// Store the weights in this format, the largest of the candidates that fits.
struct SmallerWeights {
  WeightsFormat format{};
};

/// Use so many devices in all, the further ones like the last, as further pipeline stages.
struct MoreDevices {
  int devices = 0;
};

/// Leave the other layers to the host: -ngl of so many.
struct FewerGpuLayers {
  int gpu_layers = 0;
};

/// One change that makes a request fit, as small as its kind allows.
using FitChange = std::variant<ShorterContext, SmallerWeights, MoreDevices, FewerGpuLayers>;

/// The smallest change of each kind that alone makes `request` fit, in the order of the variant;
/// kinds that cannot are absent; empty where it fits already. Weights are chosen among `candidates`
/// smaller than the present ones; devices are added up to `most_devices`.
[[nodiscard]] std::vector<FitChange> smallest_changes(const MemoryRequest& request,
                                                      std::span<const WeightsFormat> candidates,
                                                      int most_devices = 16);

}  // namespace rigsim::workloads
