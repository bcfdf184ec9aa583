#include "workloads/serving/serving_setup.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "topology/power.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {
namespace {

void refuse_unmodelled(const ParallelPlan& plan) {
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument(what +
                                " is not modelled in serving yet; allowed are tp, pp, dp and ep up "
                                "to tp");
  };
  if (plan.ep > plan.tp)
    refuse("experts spread over replicas (ep=" + std::to_string(plan.ep) + ")");
  if (plan.gpu_layers) refuse("a model partly on the host");
  if (plan.split == SplitMode::kRow && plan.tp > 1) refuse("llama.cpp's row split");
}

/// Serving keeps the devices busy: each runs at the clock that its limit leaves it then, of steps
/// that compute and of steps that read memory the mean.
void settle_clocks(Deployment& deployment) {
  if (!is_power_limited(deployment.rig)) return;
  constexpr double kHalf = 0.5;
  std::vector<double> clocks;
  for (const auto& installed : deployment.rig.devices)
    clocks.push_back(topology::clock_fraction(installed, 1.0, kHalf));
  set_clocks(deployment, clocks);
}

}  // namespace

ServingSetup serving_setup(DeploymentRequest request, const ServingProfile& profile) {
  refuse_unmodelled(request.plan);
  ServerConfig config;
  config.replicas = request.plan.dp;
  config.batching = profile.batching;
  config.limits = profile.limits;
  config.limits.kv_block_tokens = request.engine.memory.kv_block_tokens;
  config.max_context = request.context;
  config.first_step = sim::from_seconds(profile.first_step_us * 1e-6);

  request.plan.dp = 1;
  if (!request.plan.devices.empty())  // the first replica's
    request.plan.devices.resize(static_cast<std::size_t>(request.plan.tp * request.plan.pp));
  request.batch = 1;
  // The host's share is the serving profile's.
  for (BackendProfile& backend : request.engine.backends) backend.host_step_us = 0;
  MemoryRequest memory = memory_request(request);
  memory.context = 1;
  const MemoryPlan plan = plan_memory(memory);
  const std::int64_t blocks = plan.fits() ? kv_blocks(memory) : 0;
  const bool null_block = std::holds_alternative<VllmV1Batching>(profile.batching);
  config.limits.kv_blocks = std::max<std::int64_t>(blocks - (null_block ? 1 : 0), 1);
  Deployment deployment = deploy(request);
  settle_clocks(deployment);
  ServingHost host = profile.host;
  if (deployment.stages.size() > 1) {
    config.in_flight = batches_in_flight(deployment, std::ssize(deployment.stages));
    config.limits.async_scheduling &= profile.async_pipelines;
    host.overlapped &= profile.async_pipelines;
  }
  return {std::move(deployment), config, std::move(host), blocks, plan};
}

}  // namespace rigsim::workloads
