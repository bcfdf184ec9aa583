#pragma once

#include <cstddef>
#include <vector>

#include "sim/executor.h"
#include "workloads/bubble.h"
#include "workloads/overlap.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {

/// Hidden and exposed communication of the last run of `executor` over `pass`.
[[nodiscard]] Overlap overlap_of(const PassGraph& pass, const sim::Executor& executor,
                                 std::size_t device_count);

/// Why each device of a pass that took `makespan` at `costs` idled: each device is a stage, its
/// kernels are the work, and it waits for the pipeline to fill from when the micro-batch of its
/// next kernel began anywhere. Runs the pass once more without transfers. Time that all stages wait
/// for the host counts as fill or drain; devices of one tensor-parallel group are alike.
[[nodiscard]] std::vector<StageBubble> bubbles_of(const PassGraph& pass, const sim::Costs& costs,
                                                  sim::Duration makespan, std::size_t device_count);

}  // namespace rigsim::workloads
