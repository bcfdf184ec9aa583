#include "analysis/replay_collective.h"

#include <cstddef>
#include <stdexcept>
#include <utility>

#include "sim/executor.h"

namespace rigsim::analysis {
namespace {

/// Up to so many ranks every message is simulated; beyond, whole phases as flows.
constexpr std::size_t kMostRanksStepwise = 64;

topology::Algorithm usual(topology::CollectiveKind kind) {
  const bool ring = topology::supports(kind, topology::Algorithm::kRing) &&
                    kind != topology::CollectiveKind::kAllToAll;
  return ring ? topology::Algorithm::kRing : topology::Algorithm::kDirect;
}

}  // namespace

const CollectivePlan& CollectivePlanner::plan(const topology::CollectiveRequest& request,
                                              std::optional<topology::Algorithm> algorithm) {
  const Key key{request.kind, request.devices, request.size.count(), algorithm};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return found->second;
  return plans_.emplace(key, make(request, algorithm)).first->second;
}

CollectivePlan CollectivePlanner::make(const topology::CollectiveRequest& request,
                                       std::optional<topology::Algorithm> algorithm) const {
  CollectivePlan plan;
  plan.algorithm = algorithm.value_or(usual(request.kind));
  plan.evidence = "datasheet";
  if (request.devices.size() > kMostRanksStepwise) {
    plan.granularity = topology::Granularity::kBulk;
  }
  if (plan.algorithm == topology::Algorithm::kHierarchical) {
    plan.options.machines = machines(request.devices);
  }
  plan.alone = time_alone(request, plan);
  return plan;
}

/// How many machines the devices stand in, in rank order.
std::uint32_t CollectivePlanner::machines(const std::vector<std::uint32_t>& devices) const {
  std::uint32_t count = 0;
  std::optional<std::uint32_t> last;
  for (const std::uint32_t device : devices) {
    const std::uint32_t machine =
        rig_.nodes[static_cast<std::size_t>(network_.node(device))].machine;
    if (!last || *last != machine) ++count;
    last = machine;
  }
  return count;
}

sim::Duration CollectivePlanner::time_alone(const topology::CollectiveRequest& request,
                                            const CollectivePlan& plan) const {
  if (request.devices.size() == 1) return {};
  sim::OpGraphBuilder builder(network_.network());
  topology::CopyRoutes copies(network_, builder);
  (void)topology::emit_collective(builder, copies, request, plan.algorithm, plan.granularity, {},
                                  plan.options);
  const sim::OpGraph graph = std::move(builder).compile();
  sim::Executor executor(graph);
  return executor.run<sim::KeepPath::kNo>(graph.costs()) - sim::Time{};
}

}  // namespace rigsim::analysis
