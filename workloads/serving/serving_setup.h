#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>

#include "workloads/deployment_builder.h"
#include "workloads/serving/front_end.h"
#include "workloads/serving/host_kv.h"
#include "workloads/serving/pass_step_cost.h"
#include "workloads/serving/server.h"
#include "workloads/serving/speculative_setup.h"

namespace rigsim::workloads {

/// How an engine serves: its scheduler's defaults and its host's share, as data.
struct ServingProfile {
  Batching batching = VllmV1Batching{};
  BatchLimits limits;  ///< kv_blocks comes from the memory plan
  /// Captured sizes and the share of the memory follow sglang_sizes(), and the tokens of a step
  /// where `limits` says 0.
  bool sized_by_memory = false;
  bool step_tokens_said = false;  ///< by the user: else vLLM V0, which takes whole prompts, raises
                                  ///< limits.step_tokens to the longest sequence
  ServingHost host;
  SamplingCost top_p{};  ///< of requests that ask for it; greedy ones are in host.sampling
  FrontEnd front;
  /// Asynchronous scheduling (limits) of pipelines, too: their steps then take turns, see Replica.
  bool async_pipelines = false;
  /// Host memory of a replica behind its prefix cache, all devices together; none: 0.
  sim::Bytes host_kv{};
  std::optional<Speculating> speculating{};
  double first_step_us = 0;  ///< what the first step of all takes more: lazy initialisation
};

/// A model ready to serve on a rig.
struct ServingSetup {
  Deployment deployment;  ///< one replica, or all of them where they share their experts
  ServerConfig config;    ///< plan.dp replicas of it
  ServingHost host;       ///< for PassStations
  FrontEnd front;
  std::int64_t kv_blocks = 0;  ///< of one replica, as the engine counts them; 0: it does not fit
  MemoryPlan memory;           ///< of one replica, with a KV cache of one token
  HostKv host_kv{};            ///< swap space, or the prefix cache's tier in host memory
  std::optional<Speculating> speculating{};
  std::optional<Deployment> draft{};  ///< the model that drafts, beside `deployment`
  sim::Bytes draft_weights{};         ///< of it, on each device: part of the memory's weights
};

/// The memory of the host cannot be had that the batching's swap space or the prefix cache's tier
/// asks for.
class HostMemoryRefused : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Whether the replicas share their experts, so that they step together.
[[nodiscard]] bool in_lock_step(const ServingSetup& setup);

/// Throws std::invalid_argument where there are more slots than llama.cpp computes at once.
void check_slots(const ServingProfile& profile, const EngineMemory& engine);

/// Places one replica of `request` and gives it the KV blocks that memory leaves. vLLM and TGI keep
/// one of them for themselves (block_pool.py: null_block; block_allocator.rs: block 0, for health
/// checks). The longest request is `request.context`. The first `prefill_replicas` of the plan's
/// replicas, if any, only compute prompts for the others. Of a pipeline as many batches are on
/// their way as batches_in_flight() says. Replicas that share their experts (ep = tp x dp) step
/// together; requests are dealt out to them as vLLM does.
///
/// llama.cpp allocates its whole cache at the start: `request.context` tokens for each slot. Where
/// that is all that the model can, and too much, slots get the longest context that fits.
///
/// Throws std::invalid_argument as deploy(), and for what is not modelled: layers on the host,
/// experts spread over some of the replicas or over stages of pipelines, by another policy than
/// vLLM's V1, with prefill_replicas, drafts or memory of the host, speculation as
/// check_speculation() and draft_request() say, pipelines of TGI and scheduled ahead of SGLang,
/// several steps of llama.cpp on their way, or its stages with memory of the host, more slots than
/// it computes at once; as kv_links() and validate(); HostMemoryRefused as host_kv() and
/// check_host_memory().
[[nodiscard]] ServingSetup serving_setup(DeploymentRequest request, const ServingProfile& profile,
                                         std::int32_t prefill_replicas = 0);

}  // namespace rigsim::workloads
