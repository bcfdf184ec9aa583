#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "workloads/serving/batching.h"
#include "workloads/serving/replica.h"
#include "workloads/serving/serving_record.h"
#include "workloads/serving/step_cost.h"
#include "workloads/traffic.h"

namespace rigsim::workloads {

/// Which replica a request goes to; ties to the lowest number.
enum class Routing : std::uint8_t {
  kRoundRobin,
  kLeastOutstanding,  ///< the fewest sequences that wait or run
  /// The most prompt tokens cached where these are at least half of the prompt, unless replicas are
  /// uneven by more than 32 sequences; else the least outstanding (the cache-aware policy of
  /// SGLang's router: cache_threshold 0.5, balance_abs_threshold 32, from memory).
  kPrefixAware
};

/// "round-robin", "least-outstanding", "prefix-aware".
[[nodiscard]] std::string_view name_of(Routing routing);
/// Throws std::invalid_argument listing the names.
[[nodiscard]] Routing routing_named(std::string_view name);

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
};

/// Replays `traffic` event by event: arrivals in order, each seen by its replica at the next end of
/// a step. All replicas have the same `stations`. Returns what became of each request, [requests];
/// the observer sees it as it happens. Same input, same output, bit for bit. Throws
/// std::invalid_argument for limits that validate() refuses, no replicas, stations or steps in
/// flight, requests without tokens, and arrivals that are not in order.
[[nodiscard]] std::vector<RequestRecord> serve(const Traffic& traffic, const ServerConfig& config,
                                               std::span<const Station> stations,
                                               ServingObserver& observer);
/// On replicas of one station.
[[nodiscard]] std::vector<RequestRecord> serve(const Traffic& traffic, const ServerConfig& config,
                                               StepCost& cost, ServingObserver& observer);

}  // namespace rigsim::workloads
