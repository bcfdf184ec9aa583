#include "workloads/default_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <stdexcept>
#include <vector>

namespace rigsim::workloads {
namespace {

/// What fits on one board; across more, serving engines are told to use stages.
constexpr int kMostRanks = 8;

/// Devices of the smallest machine.
int devices_of_a_machine(const topology::Rig& rig) {
  std::map<std::uint32_t, int> count;
  for (const topology::Node& node : rig.nodes) {
    if (node.device) ++count[node.machine];
  }
  int least = static_cast<int>(rig.devices.size());
  for (const auto& [machine, devices] : count) least = std::min(least, devices);
  return least;
}

bool suits(const DeploymentRequest& request) {
  try {
    validate(request.plan, request.model, static_cast<int>(request.rig.devices.size()));
  } catch (const std::invalid_argument&) {
    return false;
  }
  return true;
}

/// Group sizes worth trying, the best first; 1 is always there.
std::vector<int> group_sizes(const topology::Rig& rig) {
  const int most = std::min(devices_of_a_machine(rig), kMostRanks);
  std::vector<int> sizes = {most};
  for (int size = kMostRanks; size >= 1; size /= 2) {
    if (size < most) sizes.push_back(size);
  }
  return sizes;
}

}  // namespace

ParallelPlan default_plan(DeploymentRequest request) {
  const auto devices = static_cast<int>(request.rig.devices.size());
  if (!request.engine.tensor_parallel) {
    request.plan = split_plan(request.engine.splits.front(), devices);
    return suits(request) ? request.plan
                          : layer_split(std::clamp(request.model.layers, 1, devices));
  }
  std::optional<ParallelPlan> largest;
  for (const int ranks : group_sizes(request.rig)) {
    for (int stages = 1; ranks * stages <= devices && stages <= request.model.layers; ++stages) {
      request.plan = ParallelPlan{.tp = ranks, .pp = stages};
      if (!suits(request)) continue;
      if (plan_memory(memory_request(request)).fits()) return request.plan;
      if (!largest || device_count(request.plan) > device_count(*largest)) largest = request.plan;
    }
  }
  return largest.value_or(ParallelPlan{});
}

}  // namespace rigsim::workloads
