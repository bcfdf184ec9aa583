#pragma once

#include <cstdint>

#include "workloads/deployment.h"
#include "workloads/kv_cache.h"
#include "workloads/serving/batching.h"
#include "workloads/serving/kv_transfers.h"

namespace rigsim::workloads {

/// Throws std::invalid_argument unless 1 <= prefill_replicas < plan.dp and the policy is vLLM's V1.
void check_prefill_replicas(const ParallelPlan& plan, std::int64_t prefill_replicas,
                            const Batching& batching);

/// How the KV caches of the first `prefill_replicas` of plan.dp replicas get to the others: each
/// device sends what it holds of a sequence to the device in the same place of the other replica,
/// by the way that copies take on the rig. `first` is the first replica, on the rig that all are
/// on. Throws as
/// RigNetwork::route. check_prefill_replicas() holds.
[[nodiscard]] KvLinks kv_links(const ParallelPlan& plan, const Deployment& first, KvFormat format,
                               std::int32_t prefill_replicas);

}  // namespace rigsim::workloads
