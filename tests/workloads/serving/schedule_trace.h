#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/serving/batching.h"
#include "workloads/serving/prefix_cache.h"

namespace rigsim::workloads::test {

/// A request that comes before the steps are numbered `step`.
struct TracedRequest {
  std::int64_t step = 0;
  std::int64_t prompt = 0;
  std::int64_t output = 0;
  std::int32_t priority = 0;
  std::vector<std::uint64_t> prefix{};  ///< a hash for every kHashTokens of its prompt
};
inline constexpr std::int64_t kHashTokens = 8;

/// The expected lines in the tests come from a second program that follows each source's own loop
/// (its queues, its counters), written apart from the policies; passages of them were checked by
/// hand.

/// Twenty requests that run out of blocks, of step tokens and of places in turn under
/// traced_limits(): 11 blocks of 4 tokens, 5 sequences, 16 tokens a step.
[[nodiscard]] std::vector<TracedRequest> traced_requests();
[[nodiscard]] BatchLimits traced_limits();

/// The steps that a policy plans for the requests, each known before the next is planned, with
/// asynchronous scheduling before the one in front of it has ended. A line is
///
///     times x decoding[+drafts] +idle rows | request:tokens@computed ... | preempted | blocks held
///
/// (behind it "out N" and "in N": blocks that move to host memory and back)
/// for as many steps in a row that are alike, in the order in which the policy schedules. Fails the
/// test where blocks are not all free in the end.
[[nodiscard]] std::vector<std::string> schedule_of(const Batching& batching,
                                                   const std::vector<TracedRequest>& requests,
                                                   const BatchLimits& limits);

/// Fails the test unless the schedule of the requests is `expected`, line by line.
void expect_schedule(const Batching& batching, const std::vector<std::string>& expected,
                     const BatchLimits& limits = traced_limits(),
                     const std::vector<TracedRequest>& requests = traced_requests());

}  // namespace rigsim::workloads::test
