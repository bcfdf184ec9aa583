#include "analysis/replay_collective.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "configs/collective_profile.h"
#include "configs/engine_file.h"
#include "sim/executor.h"
#include "topology/collective_contention.h"
#include "topology/collective_steps.h"
#include "workloads/communication.h"
#include "workloads/engine_profile.h"
#include "workloads/ggml_all_reduce.h"

namespace rigsim::analysis {
namespace {

/// Up to so many ranks every message is simulated; beyond, whole phases as flows.
constexpr std::size_t kMostRanksStepwise = 64;

sim::Duration time_of(sim::OpGraphBuilder builder) {
  const sim::OpGraph graph = std::move(builder).compile();
  sim::Executor executor(graph);
  return executor.run<sim::KeepPath::kNo>(graph.costs()) - sim::Time{};
}

/// To at most 16 others, evenly over the distances.
std::vector<LibraryFlow> all_to_all_flows(const topology::CollectiveRequest& request) {
  const std::size_t ranks = request.devices.size();
  const std::size_t peers = std::min<std::size_t>(ranks - 1, 16);
  const sim::Bytes size = topology::share_of(workloads::ring_bytes(request), peers);
  std::vector<LibraryFlow> flows;
  for (std::size_t rank = 0; rank < ranks; ++rank)
    for (std::size_t peer = 0; peer < peers; ++peer) {
      const std::size_t distance = 1 + peer * (ranks - 1) / peers;
      flows.push_back({request.devices[rank], request.devices[(rank + distance) % ranks], size});
    }
  return flows;
}

/// Round each of `machines` equal parts of the ranks, and from each rank to its like in the next.
std::vector<LibraryFlow> ring_flows(const topology::CollectiveRequest& request,
                                    std::size_t machines) {
  const std::size_t ranks = request.devices.size();
  const std::size_t part = ranks / machines;
  const sim::Bytes size = workloads::ring_bytes(request);
  std::vector<LibraryFlow> flows;
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    const auto add = [&](std::size_t to, sim::Bytes bytes) {
      flows.push_back({request.devices[rank], request.devices[to], bytes});
    };
    if (part > 1) add(rank / part * part + (rank + 1) % part, size);
    if (machines > 1) add((rank + part) % ranks, topology::share_of(size, part));
  }
  return flows;
}

std::vector<LibraryFlow> library_flows(const topology::CollectiveRequest& request,
                                       std::size_t machines) {
  if (request.kind == topology::CollectiveKind::kAllToAll) return all_to_all_flows(request);
  const bool parts =
      request.kind != topology::CollectiveKind::kSendRecv && request.devices.size() % machines == 0;
  return ring_flows(request, parts ? machines : 1);
}

topology::CollectiveLibrary library_of(workloads::CollectiveRunner runner) {
  return runner == workloads::CollectiveRunner::kVllm ? topology::CollectiveLibrary::kVllm
                                                      : topology::CollectiveLibrary::kNccl;
}

void shrink(std::vector<LibraryFlow>& flows, double factor) {
  for (LibraryFlow& flow : flows) {
    const auto size = static_cast<double>(flow.size.count()) * factor;
    flow.size = sim::Bytes(std::max<std::int64_t>(1, static_cast<std::int64_t>(size)));
  }
}

}  // namespace

CollectivePlanner::Library::Library(const topology::Rig& rig)
    : profile(configs::collective_profile()), model(rig, profile) {}

const CollectivePlan& CollectivePlanner::plan(const CollectiveWish& wish) {
  const auto& [kind, devices, size] = wish.request;
  const Key key{kind,           devices,     size.count(), wish.duration,
                wish.algorithm, wish.runner, wish.launch,  wish.shares_links};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return found->second;
  const bool told = wish.algorithm && !wish.duration;
  CollectivePlan plan = told ? as_told(wish.request, *wish.algorithm) : as_run(wish);
  plan.as_flows = devices.size() > 1 && (as_flows_ || wish.shares_links);
  return plans_.emplace(key, std::move(plan)).first->second;
}

CollectivePlanner::Library& CollectivePlanner::library() {
  if (!library_) library_.emplace(rig_);
  return *library_;
}

void CollectivePlanner::check_switch_reduces(const std::vector<std::uint32_t>& devices) {
  if (devices.size() > 1 && !library().model.graph(devices).nvls)
    throw std::invalid_argument(
        "nvls: no switch that reduces joins these devices (an NVSwitch of Hopper or newer does)");
}

CollectivePlan CollectivePlanner::as_told(const topology::CollectiveRequest& request,
                                          topology::Algorithm algorithm) {
  if (algorithm == topology::Algorithm::kNvls) check_switch_reduces(request.devices);
  CollectivePlan plan;
  plan.algorithm = algorithm;
  plan.evidence = "datasheet";
  if (request.devices.size() > kMostRanksStepwise) {
    plan.granularity = topology::Granularity::kBulk;
  }
  if (plan.algorithm == topology::Algorithm::kHierarchical) {
    plan.options.machines = machines(request.devices);
  }
  if (request.devices.size() == 1) return plan;
  sim::OpGraphBuilder builder(network_.network());
  topology::CopyRoutes copies(network_, builder);
  (void)topology::emit_collective(builder, copies, request, plan.algorithm, plan.granularity, {},
                                  plan.options);
  plan.alone = analysis::time_of(std::move(builder));
  return plan;
}

CollectivePlan CollectivePlanner::as_run(const CollectiveWish& wish) {
  CollectivePlan plan;
  plan.evidence = "given";
  if (wish.duration) {
    plan.alone = *wish.duration;
  } else if (wish.request.devices.size() > 1) {
    price(plan, wish);
  }
  if (wish.request.devices.size() == 1) return plan;
  if (wish.shares_links) {
    plan.flows = ring_flows(wish.request, 1);
    plan.beyond = std::max(plan.alone - workloads::slowest_ring_copy(network_, wish.request),
                           sim::Duration::zero());
  } else if (as_flows_) {
    choose_flows(plan, wish.request);
  }
  return plan;
}

void CollectivePlanner::price(CollectivePlan& plan, const CollectiveWish& wish) {
  const auto& devices = wish.request.devices;
  const bool own = wish.runner == workloads::CollectiveRunner::kLlamaCpp &&
                   network_.has_host_link(devices[0]) && network_.has_host_link(devices[1]);
  if (!own) {
    price_by_library(plan, wish);
    return;
  }
  const auto engine = configs::engine_named("llama.cpp").profile;
  const auto backend = workloads::backend_of(rig_.devices[devices[0]].device);
  const auto event = sim::from_seconds(engine.backend(backend).row_handover_us * 1e-6);
  plan.alone =
      workloads::GgmlAllReduce(network_, devices[0], devices[1], event).time(wish.request.size);
  plan.evidence = "datasheet";
}

/// NCCL launches a kernel for nothing at all, too: it takes what a byte takes. Measured is only
/// what nothing disturbs.
void CollectivePlanner::price_by_library(CollectivePlan& plan, const CollectiveWish& wish) {
  topology::CollectiveRequest request = wish.request;
  request.size = std::max(request.size, sim::Bytes(1));
  const topology::CollectiveCost cost = topology::cost_alone(
      library().model, network_, library_of(wish.runner), request, wish.launch);
  const bool disturbed = cost.measured && (as_flows_ || wish.shares_links);
  plan.alone = cost.time;
  plan.evidence = to_string(disturbed ? topology::CollectiveEvidence::kFitted : cost.evidence);
}

/// The time of flows is a latency and what is proportional to their sizes, or nearly so: flows that
/// share links may end at different times.
void CollectivePlanner::choose_flows(CollectivePlan& plan,
                                     const topology::CollectiveRequest& request) const {
  topology::CollectiveRequest something = request;
  something.size = std::max(request.size, sim::Bytes(1));
  plan.flows = library_flows(something, machines(request.devices));
  std::vector<LibraryFlow> smallest = plan.flows;
  shrink(smallest, 0);
  const double latency = sim::to_seconds(time_of(smallest));
  const double room = std::max(sim::to_seconds(plan.alone) - latency, 0.0);
  sim::Duration taken = time_of(plan.flows);
  for (int tries = 0; tries < 3 && taken > plan.alone; ++tries) {
    shrink(plan.flows, room / (sim::to_seconds(taken) - latency));
    taken = time_of(plan.flows);
  }
  plan.beyond = std::max(plan.alone - taken, sim::Duration::zero());
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

sim::Duration CollectivePlanner::time_of(const std::vector<LibraryFlow>& flows) const {
  sim::OpGraphBuilder builder(network_.network());
  topology::CopyRoutes copies(network_, builder);
  for (const LibraryFlow& flow : flows)
    builder.add(sim::Transfer{copies.between(flow.from, flow.to).route, flow.size});
  return analysis::time_of(std::move(builder));
}

}  // namespace rigsim::analysis
