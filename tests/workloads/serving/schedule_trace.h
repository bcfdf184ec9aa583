#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/serving/batching.h"

namespace rigsim::workloads::test {

/// A request that comes before the steps are numbered `step`.
struct TracedRequest {
  std::int64_t step = 0;
  std::int64_t prompt = 0;
  std::int64_t output = 0;
  std::int32_t priority = 0;
};

/// The expected lines in the tests come from a second program that follows each source's own loop
/// (its queues, its counters), written apart from the policies; passages of them were checked by
/// hand.

/// Twenty requests that run out of blocks, of step tokens and of places in turn under
/// traced_limits(): 11 blocks of 4 tokens, 5 sequences, 16 tokens a step.
[[nodiscard]] std::vector<TracedRequest> traced_requests();
[[nodiscard]] BatchLimits traced_limits();

/// The steps that a policy plans for the requests, each known before the next is planned. A line is
///
///     times x decoding | request:tokens@computed ... | preempted | blocks held
///
/// for as many steps in a row that are alike, in the order in which the policy schedules. Fails the
/// test where blocks are not all free in the end.
[[nodiscard]] std::vector<std::string> schedule_of(const Batching& batching,
                                                   const std::vector<TracedRequest>& requests,
                                                   const BatchLimits& limits);

}  // namespace rigsim::workloads::test
