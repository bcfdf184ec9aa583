#include "workloads/serving/longest_request.h"

#include <algorithm>

#include "workloads/serving/batch_policy.h"

namespace rigsim::workloads {
namespace {

/// The greatest number from 1 to `most` for which `holds` is true, as it is for all below; 0: none.
template <class F>
std::int64_t greatest(std::int64_t most, F holds) {
  std::int64_t good = 0;
  while (good < most) {
    const std::int64_t middle = good + (most - good + 1) / 2;
    if (holds(middle)) {
      good = middle;
    } else {
      most = middle - 1;
    }
  }
  return good;
}

}  // namespace

LongestRequest longest_request(const ServerConfig& config) {
  const BatchState state(config.limits);
  const auto policy = make_batch_policy(config.batching);
  const auto runs = [&](std::int64_t prompt, std::int64_t output) {
    Sequence sequence;
    sequence.prompt = sequence.target = prompt;
    sequence.output = output;
    return policy->can_run(state, sequence);
  };
  // The last token of an answer is never computed on.
  const std::int64_t cache = config.limits.kv_blocks * config.limits.kv_block_tokens + 1;
  const std::int64_t most = config.max_context > 0 ? std::min(config.max_context, cache) : cache;
  return {1 + greatest(most - 1, [&](std::int64_t output) { return runs(1, output); }),
          greatest(most - 1, [&](std::int64_t prompt) { return runs(prompt, 1); })};
}

}  // namespace rigsim::workloads
