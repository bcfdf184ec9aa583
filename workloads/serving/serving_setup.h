#pragma once

#include <cstdint>

#include "workloads/deployment_builder.h"
#include "workloads/serving/pass_step_cost.h"
#include "workloads/serving/server.h"

namespace rigsim::workloads {

/// How an engine serves: its scheduler's defaults and its host's share, as data.
struct ServingProfile {
  Batching batching = VllmV1Batching{};
  BatchLimits limits;  ///< kv_blocks comes from the memory plan
  ServingHost host;
  SamplingCost top_p{};      ///< of requests that ask for it; greedy ones are in host.sampling
  double first_step_us = 0;  ///< what the first step of all takes more: lazy initialisation
};

/// A model ready to serve on a rig.
struct ServingSetup {
  Deployment deployment;       ///< one replica
  ServerConfig config;         ///< plan.dp replicas of it
  ServingHost host;            ///< for PassStepCost
  std::int64_t kv_blocks = 0;  ///< of one replica, as the engine counts them; 0: it does not fit
  MemoryPlan memory;           ///< of one replica, with a KV cache of one token
};

/// Places one replica of `request` and gives it the KV blocks that memory leaves. vLLM keeps one of
/// them for itself (block_pool.py: null_block). The longest request is `request.context`.
/// Throws std::invalid_argument as deploy(), and for what is not modelled: pipelines, layers on the
/// host, experts spread over replicas.
[[nodiscard]] ServingSetup serving_setup(DeploymentRequest request, const ServingProfile& profile);

}  // namespace rigsim::workloads
