#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/units.h"
#include "topology/device.h"
#include "workloads/engine_memory.h"
#include "workloads/kv_cache.h"
#include "workloads/model.h"
#include "workloads/parallel_plan.h"
#include "workloads/weights_format.h"

namespace rigsim::workloads {

/// A second model on every device beside the first: its part of the weights, and of the KV cache of
/// a token, whose block it shares.
struct SecondModel {
  sim::Bytes weights{};
  sim::Bytes kv_per_token{};
};

/// What is to be held, and where.
struct MemoryRequest {
  Model model{};
  WeightsFormat format{};
  KvFormat kv_format = KvFormat::kF16;
  std::int64_t context = 0;  ///< tokens of the longest sequence, prompt and output
  std::int64_t batch = 1;    ///< sequences in flight, all replicas together
  ParallelPlan plan{};
  std::vector<topology::Device>
      devices{};  ///< in the plan's order; the first tp x pp x dp are used
  std::optional<sim::Bytes> host_memory{};  ///< RAM; none: not checked
  EngineMemory engine{};
  SecondModel second{};  ///< one that drafts; of a plan without a pipeline
};

/// What one device, or the host, holds.
struct MemoryItems {
  sim::Bytes weights{};
  sim::Bytes kv_cache{};
  sim::Bytes activations{};
  sim::Bytes runtime{};

  [[nodiscard]] sim::Bytes total() const { return weights + kv_cache + activations + runtime; }

  friend bool operator==(const MemoryItems&, const MemoryItems&) = default;
};

/// One device's share of the plan.
struct DeviceMemory {
  MemoryItems items{};
  sim::Bytes capacity{};  ///< what the engine may take of the device
  std::size_t stage = 0;  ///< its pipeline stage

  /// Bytes missing; zero where it fits.
  [[nodiscard]] sim::Bytes shortfall() const;
};

/// Where every byte goes. Not fitting is an answer, not an error.
struct MemoryPlan {
  std::vector<DeviceMemory> devices{};
  MemoryItems host{};
  std::optional<sim::Bytes> host_capacity{};
  Placement placement{};

  /// Bytes missing in host memory; zero where it fits or is not checked.
  [[nodiscard]] sim::Bytes host_shortfall() const;
  [[nodiscard]] bool fits() const;
};

/// The memory a process can have of `device`: a GPU's reported capacity (the marketed one where
/// unknown), driver and context being part of the engine's runtime; of unified memory the share
/// that macOS wires for the GPU by default, unless the device states one: 0.67 up to 36 GiB, 0.75
/// above; of a CPU's, 0.9.
[[nodiscard]] sim::Bytes usable_memory(const topology::Device& device);

/// The engine's share of usable_memory(): all of it, or a fraction of what a process sees, which on
/// GPUs is 0.47 GiB less.
[[nodiscard]] sim::Bytes capacity_of(const topology::Device& device, const EngineMemory& engine);

/// Itemises `request`. Throws std::invalid_argument as the parts' validate functions do, and unless
/// context and batch are at least 1 and there are devices enough for the plan.
[[nodiscard]] MemoryPlan plan_memory(const MemoryRequest& request);

/// KV blocks of the engine that one replica has room for beside everything else, as if no layer
/// were windowed; zero where not even the rest fits.
[[nodiscard]] std::int64_t kv_blocks(const MemoryRequest& request);

/// The longest context up to `limit` that fits, all else equal; none if not even one token does.
/// Without a limit: the model's longest context.
[[nodiscard]] std::optional<std::int64_t> largest_context(const MemoryRequest& request);
[[nodiscard]] std::optional<std::int64_t> largest_context(const MemoryRequest& request,
                                                          std::int64_t limit);

/// The most sequences up to `limit` that fit, all else equal; none if not even one does.
[[nodiscard]] std::optional<std::int64_t> largest_batch(const MemoryRequest& request,
                                                        std::int64_t limit = 65536);

}  // namespace rigsim::workloads
