#pragma once

#include "workloads/serving/batching.h"

namespace rigsim::workloads {

/// How a replica is served that would have a tier of its prefix cache in host memory.
struct HostTierUse {
  Batching batching;
  bool prefix_caching = true;
  bool pipeline = false;      ///< several steps are on their way at once
  bool prompt_pools = false;  ///< some replicas only compute prompts
  bool speculation = false;
};

/// The tier does as vLLM's V1, where steps end one after another. Throws std::invalid_argument
/// naming what it is not modelled with.
void require_host_tier(const HostTierUse& use);

}  // namespace rigsim::workloads
