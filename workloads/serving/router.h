#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <ranges>
#include <string_view>

#include "workloads/serving/replica.h"

namespace rigsim::workloads {

/// Which replica a request goes to; ties to the lowest number.
enum class Routing : std::uint8_t {
  kRoundRobin,
  kLeastOutstanding,  ///< the fewest sequences that wait or run
  /// The most prompt tokens cached where these are at least half of the prompt, unless replicas are
  /// uneven by more than 32 sequences; else the least outstanding (the cache-aware policy of
  /// SGLang's router: cache_threshold 0.5, balance_abs_threshold 32, from memory).
  kPrefixAware,
  /// The fewest that run and four times those that wait (vLLM 0.19, DPLBAsyncMPClient of
  /// v1/engine/core_client.py; it hears of both every 100 ms and counts what it sends meanwhile,
  /// here they are known at once).
  kVllm
};

/// "round-robin", "least-outstanding", "prefix-aware", "vllm".
[[nodiscard]] std::string_view name_of(Routing routing);
/// Throws std::invalid_argument listing the names.
[[nodiscard]] Routing routing_named(std::string_view name);

/// Deals requests out to a pool of replicas.
class Router {
 public:
  using Pool = std::ranges::subrange<std::deque<Replica>::const_iterator>;

  explicit Router(Routing routing) : routing_(routing) {}

  /// The index within `pool`, which must not be empty.
  std::size_t choose(const Pool& pool, const TrafficRequest& what, Prefix prefix);

 private:
  Routing routing_;
  std::size_t dealt_ = 0;
};

}  // namespace rigsim::workloads
