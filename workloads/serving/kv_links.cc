#include "workloads/serving/kv_links.h"

#include <cstddef>
#include <stdexcept>
#include <string>

namespace rigsim::workloads {

void check_prefill_replicas(const ParallelPlan& plan, std::int64_t prefill_replicas,
                            const Batching& batching) {
  require_prompt_pools(batching);
  if (plan.dp < 2) {
    throw std::invalid_argument("needs replicas that decode: a plan with dp=2 or more, got dp=" +
                                std::to_string(plan.dp));
  }
  if (prefill_replicas < 1 || prefill_replicas >= plan.dp) {
    throw std::invalid_argument("must leave replicas that decode: from 1 to " +
                                std::to_string(plan.dp - 1) +
                                " of the plan's dp=" + std::to_string(plan.dp) + ", got " +
                                std::to_string(prefill_replicas));
  }
}

KvLinks kv_links(const ParallelPlan& plan, const Deployment& first, KvFormat format,
                 std::int32_t prefill_replicas) {
  KvLinks links;
  links.prefill_replicas = prefill_replicas;
  links.decode_replicas = plan.dp - prefill_replicas;
  links.network = first.network.network();
  for (const DeployedStage& stage : first.replica(0)) {
    const auto ranks = static_cast<int>(stage.devices.size());
    const auto layer =
        static_cast<double>(layer_kv_bytes_per_token(first.model, format, ranks).count());
    links.bytes_per_token.insert(links.bytes_per_token.end(), stage.devices.size(),
                                 layer * stage.layer_count);
  }
  const std::size_t ranks = links.bytes_per_token.size();
  for (std::int32_t from = 0; from < prefill_replicas; ++from) {
    for (std::int32_t to = prefill_replicas; to < plan.dp; ++to) {
      for (std::size_t rank = 0; rank < ranks; ++rank) {
        const topology::CopyPath path =
            first.network.route(device_at(plan, static_cast<std::size_t>(from) * ranks + rank),
                                device_at(plan, static_cast<std::size_t>(to) * ranks + rank));
        links.routes.push_back(links.network.add_route(path.links, path.extra_latency, path.cap));
      }
    }
  }
  return links;
}

}  // namespace rigsim::workloads
