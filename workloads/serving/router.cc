#include "workloads/serving/router.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {
namespace {

constexpr std::array<std::string_view, 4> kRoutings{"round-robin", "least-outstanding",
                                                    "prefix-aware", "vllm"};

/// Whether no replica has so much more to do than another that prefixes must not count.
bool even(const Router::Pool& pool) {
  constexpr std::int64_t kUneven = 32;
  const auto [least, most] = std::ranges::minmax_element(pool, {}, &Replica::outstanding);
  return most->outstanding() - least->outstanding() <= kUneven;
}

/// vLLM's measure of what a replica has to do. Those that wait for blocks from the host count among
/// the waiting ones (v1/core/sched/scheduler.py, get_request_counts).
std::int64_t vllm_score(const Replica& replica) {
  constexpr std::int64_t kWaiting = 4;
  return kWaiting * replica.state().not_running() + std::ssize(replica.state().running());
}

}  // namespace

std::string_view name_of(Routing routing) { return kRoutings[static_cast<std::size_t>(routing)]; }

Routing routing_named(std::string_view name) {
  std::string allowed;
  for (std::size_t i = 0; i < kRoutings.size(); ++i) {
    if (kRoutings[i] == name) return static_cast<Routing>(i);
    allowed += (i > 0 ? ", " : "") + std::string(kRoutings[i]);
  }
  throw std::invalid_argument("routing \"" + std::string(name) + "\" is not one of " + allowed);
}

std::size_t Router::choose(const Pool& pool, const TrafficRequest& what, Prefix prefix) {
  const auto index = [&](auto replica) { return static_cast<std::size_t>(replica - pool.begin()); };
  if (routing_ == Routing::kRoundRobin) return dealt_++ % pool.size();
  if (routing_ == Routing::kPrefixAware && even(pool)) {
    const auto cached = [&](const Replica& replica) { return replica.cached_tokens(what, prefix); };
    const auto best = std::ranges::max_element(pool, {}, cached);
    if (2 * cached(*best) >= what.prompt_tokens) return index(best);
  }
  if (routing_ == Routing::kVllm) return index(std::ranges::min_element(pool, {}, vllm_score));
  return index(std::ranges::min_element(pool, {}, &Replica::outstanding));
}

}  // namespace rigsim::workloads
