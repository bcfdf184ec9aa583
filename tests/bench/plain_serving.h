#pragma once

#include <cstdint>
#include <vector>

#include "workloads/serving/batching.h"
#include "workloads/traffic.h"

namespace rigsim::bench {

/// What a step costs, in picoseconds: `step` + `kv` for each token that decoding sequences attend
/// to + `prompt` for each token of a prompt.
struct PlainCost {
  std::int64_t step = 0;
  std::int64_t kv = 0;
  std::int64_t prompt = 0;
};

/// The rules of VllmV1Batching (first come first served) as one would write them down: step by
/// step, a sequence at a time. No prefix cache, no asynchronous scheduling, one replica, nothing
/// recorded but when each request finished, in picoseconds. Requests must fit the KV cache.
[[nodiscard]] std::vector<std::int64_t> serve_plainly(const workloads::Traffic& traffic,
                                                      const workloads::BatchLimits& limits,
                                                      const PlainCost& cost);

}  // namespace rigsim::bench
