#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "sim/op_graph.h"
#include "topology/collective.h"
#include "topology/collective_time.h"
#include "topology/copy_routes.h"
#include "topology/rank_steps.h"

namespace rigsim::topology {

/// How finely a collective becomes ops.
enum class Granularity {
  /// Every message is a transfer, and waits as a rank's own order of steps demands (RankSteps). Of
  /// a double tree the rounds are in step: no message of a round leaves before the last of the
  /// round before has arrived. Alone on uniform links it takes collective_time() to the picosecond.
  kStepwise,
  /// Whole phases as flows, at most 16 per rank and phase; for thousands of ranks. The ranks of a
  /// phase wait for each other before and after it. A ring is one flow per rank that carries what
  /// all its steps carry, after the latencies of all but one of them. A tree is one flow per edge
  /// and direction, after the latencies and the filling of its pipeline as they are on idle links.
  /// An exchange of every rank with every other is one flow to each; beyond 16 of them, 16 spread
  /// evenly over the distances carry the bytes of all. All else is as stepwise. Alone on uniform
  /// links it takes collective_time() to 1 ps per step; on links that it shares, what stepwise
  /// takes,
  /// rings within 0.1 %, trees and exchanges of all with all within 10 % (16 to 64 ranks on leaves
  /// with a quarter of their bandwidth upwards).
  kBulk
};

/// Adds the ops of `request` to `graph`; rank i starts after `ready[i]`, or at once where `ready`
/// is empty. Returns the op after which each rank is done, by rank. Bytes are those of the
/// formulas of collective_time(): whole shares of equal size. In-switch reduction (NVLS) is one
/// flow per rank to the next, which loads every port as the switch's reads and writes do.
/// A chunk count that is not given is best_chunks() for the slowest hop. Throws
/// std::invalid_argument as check_collective, and for a device given twice or ready ops that are
/// neither none nor one per rank.
std::vector<sim::OpId> emit_collective(sim::OpGraphBuilder& graph, const RouteOf& route,
                                       const CollectiveRequest& request, Algorithm algorithm,
                                       Granularity granularity,
                                       std::span<const sim::OpId> ready = {},
                                       const CollectiveOptions& options = {});

/// The same on the routes of a rig; `graph` is the builder of `copies`.
std::vector<sim::OpId> emit_collective(sim::OpGraphBuilder& graph, CopyRoutes& copies,
                                       const CollectiveRequest& request, Algorithm algorithm,
                                       Granularity granularity,
                                       std::span<const sim::OpId> ready = {},
                                       const CollectiveOptions& options = {});

}  // namespace rigsim::topology
