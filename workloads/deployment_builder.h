#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "topology/collective_profile.h"
#include "workloads/deployment.h"
#include "workloads/kv_cache.h"
#include "workloads/memory_plan.h"
#include "workloads/parallel_plan.h"
#include "workloads/weights_format.h"

namespace rigsim::workloads {

/// What is to be placed on what.
struct DeploymentRequest {
  Model model;
  WeightsFormat weights;
  KvFormat kv_format = KvFormat::kF16;
  EngineProfile engine;
  topology::Rig rig;
  ParallelPlan plan;
  std::int64_t context = 1;  ///< longest sequence, prompt and output: the KV cache shares the
                             ///< memory the split looks at
  std::int64_t batch = 1;
  ResourceScale scale{};  ///< the machine's resources against the real ones
  /// What is known of collectives; none: they are steps of a ring.
  std::optional<topology::CollectiveProfile> collectives{};
};

/// What plan_memory() needs to know of `request`, devices in the plan's order. Throws
/// std::out_of_range where the plan names more devices than the rig has.
[[nodiscard]] MemoryRequest memory_request(const DeploymentRequest& request);

/// Splits the layers as the plan says, resolves each device's rates and wires the network. Rates
/// are at the clock each device sustains at its datasheet power; set_clocks() lowers them. Throws
/// std::invalid_argument when the plan does not suit the model, the rig or the engine.
[[nodiscard]] Deployment deploy(const DeploymentRequest& request);

/// Re-rates every device at a relative SM clock in (0, 1]: `clocks` is [devices].
void set_clocks(Deployment& deployment, std::span<const double> clocks);

/// True when some device runs under a power limit below its datasheet power.
[[nodiscard]] bool is_power_limited(const topology::Rig& rig);

}  // namespace rigsim::workloads
