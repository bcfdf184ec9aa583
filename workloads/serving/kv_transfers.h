#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "sim/flow_network.h"
#include "workloads/serving/ticks.h"

namespace rigsim::workloads {

/// What joins replicas that only compute prompts to those that decode behind them: the first
/// `prefill_replicas` of a server's replicas, and the others.
struct KvLinks {
  std::int32_t prefill_replicas = 0;
  std::int32_t decode_replicas = 0;
  sim::Network network;                 ///< the rig's links, and the routes below
  std::vector<sim::RouteId> routes;     ///< [prefill][decode][rank]
  std::vector<double> bytes_per_token;  ///< of the KV cache on each rank, a device of a replica

  [[nodiscard]] std::size_t ranks() const { return bytes_per_token.size(); }
};

/// KV caches on their way from one replica to another, as flows that share the rig's links: each
/// rank's part goes its own way, a cache is there with its last part. A transfer starts at the
/// nearest picosecond and ends on a whole one.
class KvTransfers {
 public:
  /// `links` must outlive this.
  explicit KvTransfers(const KvLinks& links);

  /// The KV cache of `tokens` starts to move. `prefill` and `decode` count within their pools.
  void start(std::uint32_t request, std::int32_t prefill, std::int32_t decode, std::int64_t tokens,
             Ticks now);
  /// When something ends next; none when nothing moves.
  [[nodiscard]] std::optional<Ticks> next();
  /// Goes on to `now`, which must be next(). The requests whose caches are there with that, valid
  /// until the next call.
  const std::vector<std::uint32_t>& advance(Ticks now);

 private:
  struct Part {
    std::uint32_t request = 0;
    sim::Duration latency{};
  };
  using Landing = std::pair<Ticks, std::uint32_t>;  // a part's end, its latency included; of what

  const KvLinks& links_;
  sim::FlowNetwork flows_;
  std::vector<Part> parts_;            // by flow
  std::vector<std::int32_t> missing_;  // by request: parts that are not there yet
  std::priority_queue<Landing, std::vector<Landing>, std::greater<>> landing_;
  std::vector<std::uint32_t> there_;
};

}  // namespace rigsim::workloads
