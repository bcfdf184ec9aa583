#pragma once

#include <string>

#include "workloads/op_graph_document.h"

namespace rigsim::analysis {

/// The document in Graphviz's language: a box per compute node, grouped by device, an ellipse per
/// communication, an arrow per dependency. Names become labels, whatever they hold.
[[nodiscard]] std::string to_dot(const workloads::OpGraphDocument& document);

}  // namespace rigsim::analysis
