#pragma once

#include "workloads/memory_plan.h"

namespace rigsim::workloads {

/// Where every byte goes in a row split (row_split.h): each matrix by rows, in proportion to the
/// devices' memory; KV cache, vectors and activations on the first device. The others hold the
/// activations of one product, coming and going. `request.plan` must split by row.
/// Throws std::invalid_argument as plan_memory().
[[nodiscard]] MemoryPlan plan_row_memory(const MemoryRequest& request);

}  // namespace rigsim::workloads
