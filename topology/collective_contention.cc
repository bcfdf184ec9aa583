#include "topology/collective_contention.h"

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sim/executor.h"
#include "topology/collective_ops.h"
#include "topology/rank_order.h"

namespace rigsim::topology {
namespace {

sim::Duration flow_time(const RigNetwork& network, std::span<const CollectiveRequest> groups,
                        Algorithm algorithm) {
  sim::OpGraphBuilder builder(network.network());
  CopyRoutes copies(network, builder);
  for (const CollectiveRequest& group : groups)
    (void)emit_collective(builder, copies, group, algorithm, Granularity::kBulk);
  const sim::OpGraph graph = std::move(builder).compile();
  return sim::Executor(graph).run<sim::KeepPath::kNo>(graph.costs()).time_since_epoch();
}

/// The slowest of the copies from each rank to the next.
LinkCost slowest_hop(const RigNetwork& network, const CollectiveRequest& request) {
  LinkCost worst{sim::Duration::zero(), sim::Bandwidth(1e18)};
  const auto& ranks = request.devices;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    const CopyPath path = network.route(ranks[i], ranks[(i + 1) % ranks.size()]);
    worst.latency = std::max(worst.latency, path.fixed_cost);
    worst.bandwidth = std::min(worst.bandwidth, path.uncontended);
  }
  return worst;
}

void check_alike(std::span<const CollectiveRequest> groups) {
  if (groups.empty()) throw std::invalid_argument("contention of no collectives");
  const CollectiveRequest& first = groups.front();
  for (const CollectiveRequest& group : groups)
    if (group.kind != first.kind || group.size != first.size ||
        group.devices.size() != first.devices.size())
      throw std::invalid_argument("collectives at once must be of one kind, size and rank count");
}

std::vector<CollectiveRequest> in_ring_order(const Rig& rig,
                                             std::span<const CollectiveRequest> groups) {
  std::vector<CollectiveRequest> ordered(groups.begin(), groups.end());
  for (CollectiveRequest& group : ordered) group.devices = ring_order(rig, group.devices);
  return ordered;
}

double ratio(sim::Duration longer, sim::Duration shorter) {
  constexpr double kRounding = 1e-6;  // of the flows' picoseconds
  const double times = sim::to_seconds(longer) / sim::to_seconds(shorter);
  return times < 1 + kRounding ? 1 : times;
}

}  // namespace

Contention contention(const RigNetwork& network, std::span<const CollectiveRequest> groups,
                      Algorithm algorithm) {
  check_alike(groups);
  const CollectiveRequest& first = groups.front();
  Contention out;
  out.unshared = collective_time(first.kind, algorithm, first.devices.size(), first.size,
                                 {slowest_hop(network, first)});
  out.alone = flow_time(network, groups.first(1), algorithm);
  out.together = groups.size() == 1 ? out.alone : flow_time(network, groups, algorithm);
  return out;
}

CollectiveCost contended_cost(const CollectiveModel& model, const RigNetwork& network,
                              std::span<const CollectiveRequest> groups, LaunchMode launch,
                              std::optional<Algorithm> algorithm,
                              std::optional<Protocol> protocol) {
  check_alike(groups);
  const CollectiveRequest& first = groups.front();
  CollectiveCost cost = model.cost(first, LaunchMode::kGraph, algorithm, protocol);
  const NcclGraph graph = model.graph(first.devices);
  const Contention shared = contention(network, in_ring_order(model.rig(), groups), cost.algorithm);
  const bool own = graph.machines == 1 && graph.path != NcclPath::kSharedMemory;
  const double slower =
      ratio(shared.together, shared.alone) * (own ? ratio(shared.alone, shared.unshared) : 1);
  if (slower > 1) {
    const CollectiveRequest nothing{first.kind, first.devices, sim::Bytes(1)};
    const sim::Duration latency = model.cost(nothing, LaunchMode::kGraph).time;
    const double moving = std::max(0.0, sim::to_seconds(cost.time - latency));
    cost.time += sim::from_seconds(moving * (slower - 1));
    cost.measured = false;
    if (cost.evidence == CollectiveEvidence::kMeasured) cost.evidence = CollectiveEvidence::kFitted;
  }
  return launch == LaunchMode::kEager ? model.launched_eagerly(cost, first) : cost;
}

bool may_share_own_links(const NcclGraph& graph) {
  return graph.path == NcclPath::kPcie && graph.machines == 1 && graph.ranks > 2;
}

CollectiveCost cost_alone(const CollectiveModel& model, const RigNetwork& network,
                          CollectiveLibrary library, const CollectiveRequest& request,
                          LaunchMode launch) {
  if (library == CollectiveLibrary::kVllm)
    if (auto own = model.custom_all_reduce(request, launch)) return *own;
  if (!may_share_own_links(model.graph(request.devices))) return model.cost(request, launch);
  return contended_cost(model, network, {&request, 1}, launch);
}

}  // namespace rigsim::topology
