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

/// When each group finishes of those that start at once as flows (collective_ops.h, whole phases).
std::vector<sim::Duration> flow_times(const RigNetwork& network,
                                      std::span<const CollectiveRequest> groups,
                                      std::span<const CollectiveCost> costs) {
  sim::OpGraphBuilder builder(network.network());
  CopyRoutes copies(network, builder);
  std::vector<std::vector<sim::OpId>> done;
  for (std::size_t i = 0; i < groups.size(); ++i)
    done.push_back(
        emit_collective(builder, copies, groups[i], costs[i].algorithm, Granularity::kBulk));
  const sim::OpGraph graph = std::move(builder).compile();
  sim::Executor executor(graph);
  (void)executor.run<sim::KeepPath::kNo>(graph.costs());
  std::vector<sim::Duration> times(groups.size());
  for (std::size_t i = 0; i < groups.size(); ++i)
    for (const sim::OpId op : done[i])
      times[i] = std::max(times[i], executor.finished(op).time_since_epoch());
  return times;
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

/// `cost` of a group whose flows take `alone`, and `together` beside the others.
CollectiveCost slowed(CollectiveCost cost, const CollectiveModel& model, const RigNetwork& network,
                      const CollectiveRequest& group, sim::Duration alone, sim::Duration together) {
  double slower = ratio(together, alone);
  const NcclGraph graph = model.graph(group.devices);
  if (graph.machines == 1 && graph.path != NcclPath::kSharedMemory)
    slower *= ratio(alone, collective_time(group.kind, cost.algorithm, group.devices.size(),
                                           group.size, {slowest_hop(network, group)}));
  if (slower <= 1) return cost;
  const CollectiveRequest nothing{group.kind, group.devices, sim::Bytes(1)};
  const sim::Duration latency = model.cost(nothing, LaunchMode::kGraph).time;
  const double moving = std::max(0.0, sim::to_seconds(cost.time - latency));
  cost.time += sim::from_seconds(moving * (slower - 1));
  cost.measured = false;
  if (cost.evidence == CollectiveEvidence::kMeasured) cost.evidence = CollectiveEvidence::kFitted;
  return cost;
}

}  // namespace

CollectiveCost contended_cost(const CollectiveModel& model, const RigNetwork& network,
                              std::span<const CollectiveRequest> groups, LaunchMode launch,
                              std::optional<Algorithm> algorithm,
                              std::optional<Protocol> protocol) {
  check_alike(groups);
  const std::vector<CollectiveRequest> ordered = in_ring_order(model.rig(), groups);
  std::vector<CollectiveCost> costs;
  for (const CollectiveRequest& group : groups)
    costs.push_back(model.cost(group, LaunchMode::kGraph, algorithm, protocol));
  const std::vector<sim::Duration> together = flow_times(network, ordered, costs);
  std::size_t slowest = 0;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    const sim::Duration alone = groups.size() == 1
                                    ? together[i]
                                    : flow_times(network, {&ordered[i], 1}, {&costs[i], 1}).front();
    costs[i] = slowed(costs[i], model, network, ordered[i], alone, together[i]);
    if (costs[i].time > costs[slowest].time) slowest = i;
  }
  if (launch != LaunchMode::kEager) return costs[slowest];
  return model.launched_eagerly(costs[slowest], groups[slowest]);
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
