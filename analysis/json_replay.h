#pragma once

#include <string>
#include <string_view>

#include "analysis/replay.h"
#include "workloads/op_graph_document.h"

namespace rigsim::analysis {

/// The document of `rigsim replay --json`, as text because it may hold millions of ops:
/// docs/graph.md lists its members. `version` and `commit` are the program's.
[[nodiscard]] std::string replay_json(const Replay& replay,
                                      const workloads::OpGraphDocument& document,
                                      std::string_view version, std::string_view commit);

}  // namespace rigsim::analysis
