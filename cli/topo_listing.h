#pragma once

#include <string>

#include "analysis/rig_view.h"
#include "cli/console.h"

namespace rigsim::cli {

/// A rig for people: the tree with its links' rates, the cables beside it, and for each pair of
/// devices the path class, bandwidth and latency. A `*` marks copies staged through host memory.
[[nodiscard]] std::string topo_text(const topology::Rig& rig, const analysis::RigView& view,
                                    const Console& console);

}  // namespace rigsim::cli
