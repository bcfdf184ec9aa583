#pragma once

#include <string>

#include "topology/rig.h"
#include "workloads/op_graph_document.h"
#include "workloads/pass_graph.h"

namespace rigsim::workloads {

/// A lowered pass as a document, op for op in the same order, with the durations and sizes that the
/// pass was priced with; op 17, of a kernel "attn_q" in layer 3, is called "attn_q.l3.17". A
/// collective and its flows are one node. The replay on `rig`, the pass's own, gives the pass's
/// times to the picosecond. What else a pass's devices do to each other in a time known beforehand
/// becomes a delay. The document does not say what its durations hold for. Throws
/// std::invalid_argument, naming the op, for a transfer on a way that is no copy between its two
/// places, as a collective's flow over several links may be.
[[nodiscard]] OpGraphDocument document_of(const PassGraph& pass, const topology::Rig& rig,
                                          std::string title);

}  // namespace rigsim::workloads
