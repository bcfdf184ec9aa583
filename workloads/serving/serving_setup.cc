#include "workloads/serving/serving_setup.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "topology/power.h"
#include "workloads/pass_graph.h"
#include "workloads/serving/ggml_pipeline.h"
#include "workloads/serving/kv_links.h"
#include "workloads/serving/sglang_sizes.h"

namespace rigsim::workloads {
namespace {

void refuse_unmodelled(const ParallelPlan& plan) {
  const auto refuse = [](const std::string& what) {
    throw std::invalid_argument(what +
                                " is not modelled in serving yet; allowed are tp, pp, dp and ep up "
                                "to tp, or of all devices");
  };
  if (plan.gpu_layers) refuse("a model partly on the host");
}

/// Whether replicas share their experts, and step together.
bool in_lock_step(const ParallelPlan& plan) { return replicas_per_expert_group(plan) > 1; }

void refuse_lock_step_of(const ParallelPlan& plan, const Batching& batching,
                         std::int32_t prefill_replicas) {
  if (!in_lock_step(plan)) return;
  const auto refuse = [&](const std::string& what) {
    throw std::invalid_argument("experts spread over replicas (ep=" + std::to_string(plan.ep) +
                                ") " + what);
  };
  if (plan.ep != plan.tp * plan.dp)
    refuse("are spread over all of them in serving: ep=" + std::to_string(plan.tp * plan.dp));
  if (plan.pp > 1) refuse("are served with one stage, pp=1, got pp=" + std::to_string(plan.pp));
  if (!std::holds_alternative<VllmV1Batching>(batching))
    refuse("are served with vllm-v1 batching, got " + std::string(name_of(batching)));
  if (prefill_replicas > 0) refuse("cannot be split into replicas for prompts and others yet");
}

/// All replicas take what the first one does.
void refuse_unlike_replicas(const ParallelPlan& plan, const topology::Rig& rig) {
  const auto size = static_cast<std::size_t>(plan.tp * plan.pp);
  const auto at = [&](std::size_t position) -> const topology::InstalledDevice& {
    return rig.devices[device_at(plan, position)];
  };
  for (std::size_t i = size; i < size * static_cast<std::size_t>(plan.dp); ++i) {
    const auto& first = at(i % size);
    const auto& here = at(i);
    if (here.device.name == first.device.name && here.power_limit == first.power_limit) continue;
    throw std::invalid_argument("replica " + std::to_string(i / size) + " has " + here.device.name +
                                " where replica 0 has " + first.device.name +
                                ": replicas of unlike devices are not modelled in serving yet");
  }
}

void refuse_pipeline_of(const Batching& batching, bool scheduled_ahead) {
  if (std::holds_alternative<TgiBatching>(batching))
    throw std::invalid_argument(
        "TGI has no pipelines; --plan tp=N shares the layers out, dp=N puts a replica on each "
        "device");
  if (std::holds_alternative<SglangBatching>(batching) && scheduled_ahead)
    throw std::invalid_argument(
        "SGLang's pipelines have no overlap schedule; allowed is --async-scheduling off");
}

/// Steps of a pipeline on their way at once. llama.cpp's server waits for each, and a ggml engine
/// computes one at a time.
std::int32_t steps_in_flight(const Deployment& deployment, const Batching& batching) {
  const bool server = std::holds_alternative<LlamaCppBatching>(batching);
  if (!server && !is_ggml_pipeline(deployment))
    return batches_in_flight(deployment, std::ssize(deployment.stages));
  if (deployment.plan.in_flight.value_or(1) > 1)
    throw std::invalid_argument(
        "in_flight=" + std::to_string(*deployment.plan.in_flight) + ": " +
        (server ? std::string(name_of(batching)) + " batching" : deployment.engine.name) +
        " computes one batch at a time; allowed is in_flight=1");
  return 1;
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

/// What an engine of SGLang's kind derives of the memory of the replica's devices.
void size_by_memory(DeploymentRequest& request, BatchLimits& limits, ServingHost& host) {
  const topology::Device device = memory_request(request).devices.front();
  const auto chunk =
      limits.step_tokens > 0 ? std::optional(limits.step_tokens) : std::optional<std::int64_t>{};
  SglangSizes sizes = sglang_sizes(usable_memory(device), request.plan.tp, chunk, request.plan.pp);
  limits.step_tokens = sizes.chunk_tokens;
  host.captured = std::move(sizes.captured);
  EngineMemory& memory = request.engine.memory;
  memory.memory_fraction = sizes.memory_fraction;
  // Activations and runtime are in the other part.
  memory.runtime_gpu = sim::Bytes(0);
  memory.micro_batch_tokens = 1;
  memory.logits_rows = 1;
}

/// KV blocks that are left beside everything else; 0: it does not fit. `memory` becomes the plan
/// with a cache of one token.
std::int64_t free_blocks(MemoryRequest& memory) {
  memory.context = 1;
  return plan_memory(memory).fits() ? kv_blocks(memory) : 0;
}

/// The blocks of llama.cpp's slots, all alike; 0: they do not fit. `memory` becomes the plan with
/// them.
std::int64_t slot_blocks(MemoryRequest& memory, ServerConfig& config) {
  const std::int64_t slots = config.limits.max_sequences;
  memory.batch = slots;
  if (!plan_memory(memory).fits()) {
    if (memory.context < memory.model.max_context) return 0;
    const auto longest = largest_context(memory);
    if (!longest) return 0;
    memory.context = *longest;
  }
  config.max_context = memory.context;
  const std::int64_t block = memory.engine.kv_block_tokens;
  return slots * ((memory.context + block - 1) / block);
}

/// The host's part: where the batching swaps, or behind the prefix cache. `config` gets its blocks.
HostKv host_memory(ServerConfig& config, const Deployment& deployment, KvFormat format,
                   sim::Bytes tier) {
  constexpr double kGib = 1024.0 * 1024 * 1024;
  const auto of = [&](sim::Bytes per_device, BlockLayout layout, double most_of_one) {
    if (in_lock_step(deployment.plan) || is_ggml_pipeline(deployment)) {
      throw std::invalid_argument(
          "host memory for KV blocks is not modelled with experts over replicas, nor on several "
          "devices of llama.cpp");
    }
    HostKv host = host_kv(deployment, format, per_device, layout);
    check_host_memory(deployment, per_device, config.replicas, most_of_one);
    if (host.blocks == 0)
      throw std::invalid_argument(
          "host memory behind the KV cache: " + std::to_string(per_device.count()) +
          " bytes for each device are less than a block of " +
          std::to_string(host.block_bytes.count()) + " on all of them");
    return host;
  };
  if (tier > sim::Bytes{}) {
    const auto devices = static_cast<std::int64_t>(device_count(deployment.plan));
    HostKv host = of(sim::Bytes(tier.count() / devices), BlockLayout::kWhole, 1);
    config.limits.host_blocks = host.blocks;
    return host;
  }
  const auto* v0 = std::get_if<VllmV0Batching>(&config.batching);
  if (v0 == nullptr || !v0->swap) return {};
  HostKv host =
      of(sim::Bytes(std::llround(v0->swap_gib * kGib)), BlockLayout::kTensors, kMostOfSwapSpace);
  config.limits.swap_blocks = host.blocks;
  return host;
}

}  // namespace

bool in_lock_step(const ServingSetup& setup) { return in_lock_step(setup.deployment.plan); }

void check_slots(const ServingProfile& profile, const EngineMemory& engine) {
  const std::int64_t slots = profile.limits.max_sequences;
  if (!std::holds_alternative<LlamaCppBatching>(profile.batching) ||
      slots <= engine.micro_batch_tokens)
    return;
  throw std::invalid_argument("llama.cpp's slots (max_sequences) must be at most its " +
                              std::to_string(engine.micro_batch_tokens) +
                              " tokens of a micro-batch, got " + std::to_string(slots));
}

namespace {

/// Where the engine speculates, its limits and host say so; the request of the draft model, if any.
std::optional<DeploymentRequest> speculated(const DeploymentRequest& request,
                                            const ServingProfile& profile, ServerConfig& config,
                                            ServingHost& host) {
  if (!profile.speculating) return std::nullopt;
  speculate(*profile.speculating, config.limits, host);
  config.limits.speculation.max_context = config.max_context;
  if (!profile.speculating->draft) return std::nullopt;
  return draft_request(request, *profile.speculating->draft);
}

}  // namespace

ServingSetup serving_setup(DeploymentRequest request, const ServingProfile& profile,
                           std::int32_t prefill_replicas) {
  refuse_unmodelled(request.plan);
  refuse_lock_step_of(request.plan, profile.batching, prefill_replicas);
  check_slots(profile, request.engine.memory);
  if (profile.speculating)
    check_speculation(request.plan, profile.batching, request.engine, prefill_replicas > 0);
  ServingHost host = profile.host;
  ServerConfig config;
  config.replicas = request.plan.dp;
  config.batching = profile.batching;
  config.limits = profile.limits;
  config.limits.kv_block_tokens = request.engine.memory.kv_block_tokens;
  config.max_context = request.context;
  if (std::holds_alternative<VllmV0Batching>(profile.batching) && !profile.step_tokens_said)
    config.limits.step_tokens = std::max(config.limits.step_tokens, config.max_context);
  config.first_step = sim::from_seconds(profile.first_step_us * 1e-6);

  const ParallelPlan whole = request.plan;
  refuse_unlike_replicas(whole, request.rig);
  if (in_lock_step(whole)) {
    config.routing = Routing::kVllm;
  } else {
    request.plan.dp = 1;
    if (!request.plan.devices.empty())  // the first replica's
      request.plan.devices.resize(static_cast<std::size_t>(request.plan.tp * request.plan.pp));
  }
  request.batch = 1;
  // The host's share is the serving profile's.
  for (BackendProfile& backend : request.engine.backends) backend.host_step_us = 0;
  if (profile.sized_by_memory) size_by_memory(request, config.limits, host);
  MemoryRequest memory = memory_request(request);
  const std::optional<DeploymentRequest> draft = speculated(request, profile, config, host);
  if (draft) memory.second = draft_memory(*draft);
  const std::int64_t blocks = std::holds_alternative<LlamaCppBatching>(profile.batching)
                                  ? slot_blocks(memory, config)
                                  : free_blocks(memory);
  const bool one_kept = std::holds_alternative<VllmV1Batching>(profile.batching) ||
                        std::holds_alternative<TgiBatching>(profile.batching);
  config.limits.kv_blocks = std::max<std::int64_t>(blocks - (one_kept ? 1 : 0), 1);
  Deployment deployment = deploy(request);
  if (prefill_replicas > 0) {
    check_prefill_replicas(whole, prefill_replicas, config.batching);
    config.kv_links = kv_links(whole, deployment, request.kv_format, prefill_replicas);
  }
  HostKv host_side;
  try {
    host_side = host_memory(config, deployment, request.kv_format, profile.host_kv);
  } catch (const std::invalid_argument& refused) {
    throw HostMemoryRefused(refused.what());
  }
  settle_clocks(deployment);
  std::optional<Deployment> drafting;
  if (draft) settle_clocks(drafting.emplace(deploy(*draft)));
  if (deployment.replica(0).size() > 1) {
    refuse_pipeline_of(config.batching, profile.async_pipelines && config.limits.async_scheduling);
    config.in_flight = steps_in_flight(deployment, config.batching);
    config.limits.async_scheduling &= profile.async_pipelines;
    host.overlapped &= profile.async_pipelines;
  }
  validate(config);
  return {std::move(deployment),
          config,
          std::move(host),
          profile.front,
          blocks,
          plan_memory(memory),
          std::move(host_side),
          profile.speculating,
          std::move(drafting),
          memory.second.weights};
}

}  // namespace rigsim::workloads
