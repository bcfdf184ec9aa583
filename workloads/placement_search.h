#pragma once

#include <cstdint>
#include <vector>

#include "workloads/deployment_builder.h"

namespace rigsim::workloads {

/// Where the positions of `request.plan` expose least communication: the devices of
/// ParallelPlan::devices.
///
/// Cost of a placement: seconds that its slowest replica spends, uncontended, in the two
/// all-reduces of every layer and in the hand-over between stages, of one full micro-batch of a
/// prompt and of 128 decode steps of the request's batch. Experts' exchange between replicas is not
/// looked at.
///
/// On rigs of up to 8 devices the best of all placements (of equals the first, positions compared
/// device by device); ranks of a group stand in the rig's order, as a ring finds its own. On larger
/// ones greedy: group by group the device that costs least, and the rig's own order where that is
/// better. A position only goes to devices of the kind (name and power limit) that stands there in
/// the rig's order, so that the work is placed as it was. Throws as deploy().
[[nodiscard]] std::vector<std::uint32_t> search_placement(const DeploymentRequest& request);

/// The cost of the placement that `request.plan` says. Throws as deploy().
[[nodiscard]] double placement_cost_s(const DeploymentRequest& request);

}  // namespace rigsim::workloads
