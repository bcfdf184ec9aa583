#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "analysis/replay.h"
#include "sim/op_graph.h"
#include "topology/network.h"
#include "workloads/op_graph_document.h"

namespace rigsim::analysis {

/// What the ops of a replay mean.
struct ReplayOp {
  std::uint32_t node = 0;  ///< index in the document
  ReplayCause cause = ReplayCause::kCompute;
  std::string_view evidence{};
  std::optional<std::uint32_t> route{};  ///< of a transfer node: index into ReplayGraph::routes
};

/// A document as the engine runs it: node after node, so that a document's op is the op of the
/// same number where no collective is spread over several.
struct ReplayGraph {
  sim::OpGraph graph;
  std::vector<ReplayOp> ops;              ///< [ops]
  std::vector<ReplayedRoute> routes;      ///< those that transfer nodes took
  std::vector<std::uint32_t> rig_device;  ///< [document's devices] index in the rig
};

/// Lowers `document` for `rig`. Each stream of a device, and
/// of the host, is an exclusive resource; a collective as one event holds its group of devices
/// against other collectives of the same group. Throws as replay().
[[nodiscard]] ReplayGraph lower_replay(const workloads::OpGraphDocument& document,
                                       const topology::Rig& rig,
                                       const topology::RigNetwork& network,
                                       const ReplayOptions& options);

}  // namespace rigsim::analysis
