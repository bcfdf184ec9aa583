#pragma once

#include "workloads/deployment.h"
#include "workloads/forward_pass.h"
#include "workloads/pass_ops.h"

namespace rigsim::workloads {

/// Lowers the layers and the head of a stage whose devices share the rows of every matrix
/// (row_split.h); returns the last ops.
///
/// A product starts with an event that the others wait for, goes on with the copies out of the main
/// device and ends when it has seen the others' events: each event costs
/// BackendProfile::row_handover_us. A staged copy's fixed cost is half on either engine, so the
/// k-th copy out of the main device starts k halves later.
[[nodiscard]] Ops lower_row_stage(PassOps& ops, const DeployedStage& stage, const PassShape& shape,
                                  Ops ready);

}  // namespace rigsim::workloads
