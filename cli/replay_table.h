#pragma once

#include <string>

#include "analysis/replay.h"
#include "cli/console.h"
#include "workloads/op_graph_document.h"

namespace rigsim::cli {

/// A replay for people: makespan, what it went to, devices, links, the nodes that weigh most.
[[nodiscard]] std::string replay_text(const analysis::Replay& replay,
                                      const workloads::OpGraphDocument& document,
                                      const Console& console);

}  // namespace rigsim::cli
