#pragma once

#include "analysis/replay.h"
#include "analysis/trace_file.h"
#include "workloads/op_graph_document.h"

namespace rigsim::analysis {

/// Writes a replay as the tables that a run's trace has: one step of phase "replay", ops,
/// transfers, occupancy and figures. Throws OutputError as TraceFile does.
void write_trace(TraceFile& file, const Replay& replay, const workloads::OpGraphDocument& document);

}  // namespace rigsim::analysis
