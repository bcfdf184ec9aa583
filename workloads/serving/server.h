#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "workloads/serving/batching.h"
#include "workloads/serving/kv_transfers.h"
#include "workloads/serving/replica.h"
#include "workloads/serving/router.h"
#include "workloads/serving/serving_record.h"
#include "workloads/serving/step_cost.h"
#include "workloads/traffic.h"

namespace rigsim::workloads {

/// What serves.
struct ServerConfig {
  Batching batching = VllmV1Batching{};
  BatchLimits limits;
  std::int64_t max_context = 0;  ///< longest prompt and answer together; 0: what the cache holds
  std::int32_t replicas = 1;
  std::int32_t in_flight = 1;  ///< steps of a replica on their way at once, in a pipeline
  Routing routing = Routing::kRoundRobin;
  sim::Duration first_step{};  ///< what each replica's first step takes beyond its cost
  StepMode mode = StepMode::kLeap;
  /// Where some of the replicas only compute prompts: how KV caches get to the others.
  std::optional<KvLinks> kv_links;
};

/// Throws std::invalid_argument for no replicas or steps in flight, for limits.host_blocks with
/// another policy than vLLM's V1 by arrival, without prefix caching, with several steps in flight
/// or kv_links, for limits.speculation with another policy than vLLM's V1, several steps in flight,
/// kv_links or limits.host_blocks, and for kv_links of other replicas or with another policy than
/// vLLM's V1.
void validate(const ServerConfig& config);

/// Replays `traffic` event by event: arrivals in order, each seen by its replica at the next end of
/// a step. With kv_links a request goes to a replica that computes its prompt, then its KV cache to
/// one that decodes. All replicas have the same `stations`. Returns what became of each request,
/// [requests]; the observer sees it as it happens. Same input, same output, bit for bit. Throws
/// std::invalid_argument for what validate() refuses, no stations, requests without tokens, and
/// arrivals that are not in order; on replicas in lock step also for limits.host_blocks,
/// limits.speculation and batching that swaps.
[[nodiscard]] std::vector<RequestRecord> serve(const Traffic& traffic, const ServerConfig& config,
                                               std::span<const Station> stations,
                                               ServingObserver& observer);
/// On replicas of one station.
[[nodiscard]] std::vector<RequestRecord> serve(const Traffic& traffic, const ServerConfig& config,
                                               StepCost& cost, ServingObserver& observer);

}  // namespace rigsim::workloads
