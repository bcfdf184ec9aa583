#pragma once

#include <optional>
#include <span>

#include "topology/collective_model.h"
#include "topology/network.h"

namespace rigsim::topology {

/// What the slowest of several collectives of one kind, size and number of ranks costs that start
/// at once: of each the model's uncontended time, its transfer part made longer as its flows are
/// (collective_ops.h, whole phases), with ranks in the order that NCCL gives its rings
/// (rank_order.h). A single group is slowed by links that its own
/// messages share (all-to-all through the uplink of a PCIe switch); through host memory that is in
/// the model's share already, and over several machines in its count of NICs. Where nothing is
/// shared it is the uncontended cost, to the picosecond. Throws std::invalid_argument for no groups
/// or unlike ones, and as CollectiveModel::cost and emit_collective.
[[nodiscard]] CollectiveCost contended_cost(const CollectiveModel& model, const RigNetwork& network,
                                            std::span<const CollectiveRequest> groups,
                                            LaunchMode launch,
                                            std::optional<Algorithm> algorithm = std::nullopt,
                                            std::optional<Protocol> protocol = std::nullopt);

/// Whether the messages of one collective may share links that the model takes for its own: over
/// PCIe, of more than two ranks in one machine.
[[nodiscard]] bool may_share_own_links(const NcclGraph& graph);

/// What one collective of `library` costs while nothing else moves: vLLM's own all-reduce where it
/// runs, else NCCL, whose cost is the model's, or where may_share_own_links() its contended_cost().
/// Throws as those.
[[nodiscard]] CollectiveCost cost_alone(const CollectiveModel& model, const RigNetwork& network,
                                        CollectiveLibrary library, const CollectiveRequest& request,
                                        LaunchMode launch);

}  // namespace rigsim::topology
