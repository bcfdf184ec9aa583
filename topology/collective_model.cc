#include "topology/collective_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "topology/collective_table.h"
#include "topology/nccl_tuning.h"
#include "topology/vllm_all_reduce.h"

namespace rigsim::topology {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

/// Whether the ranks are joined as on the machine that was measured: the same path for as many, as
/// wide.
bool wired_alike(const CollectiveMachine& machine, const NcclGraph& graph) {
  constexpr double kRounding = 0.01;
  if (graph.machines != 1) return false;
  if (std::abs(graph.intra / machine.bus - 1) > kRounding) return false;
  if (machine.link != CollectiveLink::kPcie) return link_of(graph) == machine.link;
  return graph.path == (graph.ranks == 2 ? NcclPath::kPcie : NcclPath::kSharedMemory);
}

bool was_measured(const CollectiveMachine& machine, std::uint32_t ranks) {
  return std::ranges::find(machine.tables, ranks, &CollectiveTable::ranks) != machine.tables.end();
}

void check_size(const CollectiveRequest& request) {
  if (request.size <= sim::Bytes(0))
    throw std::invalid_argument(
        fmt::format("the size of a collective must be > 0, got {} B", request.size.count()));
}

}  // namespace

std::string_view to_string(CollectiveLibrary library) {
  return library == CollectiveLibrary::kNccl ? "nccl" : "vllm";
}

std::string_view to_string(CollectiveEvidence evidence) {
  switch (evidence) {
    case CollectiveEvidence::kMeasured:
      return "measured";
    case CollectiveEvidence::kFitted:
      return "fitted";
    case CollectiveEvidence::kFamily:
      return "datasheet";
  }
  return "unknown";
}

CollectiveLink link_of(const NcclGraph& graph) {
  if (graph.path == NcclPath::kNvlink) return CollectiveLink::kNvlink;
  const bool staged = graph.path == NcclPath::kSharedMemory && graph.machines == 1;
  return staged && !graph.peer_access ? CollectiveLink::kHostMemory : CollectiveLink::kPcie;
}

const NcclFit& CollectiveFamily::of(CollectiveLink link) const {
  switch (link) {
    case CollectiveLink::kNvlink:
      return nvlink;
    case CollectiveLink::kPcie:
      return pcie;
    case CollectiveLink::kHostMemory:
      return host_memory;
  }
  throw std::logic_error("unknown link of a collective");
}

CollectiveModel::CollectiveModel(const Rig& rig, const CollectiveProfile& profile)
    : rig_(&rig), profile_(&profile), wiring_(rig, profile.nccl) {}

CollectiveStart CollectiveModel::start(CollectiveLibrary library,
                                       const CollectiveRequest& request) const {
  const NcclGraph graph = wiring_.graph(request.devices);
  const CollectiveMachine* machine = fitted_machine(request, graph);
  const bool own = library == CollectiveLibrary::kVllm;
  return {own ? profile_->vllm.base : fit_of(machine, graph).launch, eager_floor(machine)};
}

const CollectiveMachine* CollectiveModel::fitted_machine(const CollectiveRequest& request,
                                                         const NcclGraph& graph) const {
  const std::string& chip = rig_->devices[request.devices.front()].device.chip;
  for (const std::uint32_t device : request.devices)
    if (rig_->devices[device].device.chip != chip) return nullptr;
  const CollectiveLink link = link_of(graph);
  const auto fits = [&](const CollectiveMachine& machine) {
    return machine.link == link && contains(machine.chips, chip) &&
           (link != CollectiveLink::kHostMemory || was_measured(machine, graph.ranks));
  };
  const auto found = std::ranges::find_if(profile_->machines, fits);
  return found == profile_->machines.end() ? nullptr : &*found;
}

const CollectiveTable* CollectiveModel::table(const CollectiveMachine* machine,
                                              const CollectiveRequest& request,
                                              const NcclGraph& graph, CollectiveLibrary library,
                                              LaunchMode launch) const {
  if (machine == nullptr || !wired_alike(*machine, graph)) return nullptr;
  for (const std::uint32_t device : request.devices)
    if (!contains(machine->devices, rig_->devices[device].device.name)) return nullptr;
  for (const CollectiveTable& table : machine->tables)
    if (table.library == library && table.kind == request.kind && table.launch == launch &&
        table.ranks == graph.ranks)
      return &table;
  return nullptr;
}

sim::Duration CollectiveModel::nccl_model(const CollectiveRequest& request, sim::Bytes size,
                                          const NcclGraph& graph, const NcclFit& fit) const {
  return nccl_time(request.kind, size, nccl_choice(request.kind, size, graph, profile_->nccl),
                   graph, fit, profile_->shape, profile_->nccl);
}

const NcclFit& CollectiveModel::fit_of(const CollectiveMachine* machine,
                                       const NcclGraph& graph) const {
  return machine != nullptr ? machine->fit : profile_->family.of(link_of(graph));
}

sim::Duration CollectiveModel::eager_floor(const CollectiveMachine* machine) const {
  const bool known = machine != nullptr && machine->eager_floor > sim::Duration::zero();
  return known ? machine->eager_floor : profile_->family.eager_floor;
}

void CollectiveModel::launch_eagerly(CollectiveCost& cost, const CollectiveMachine* machine) const {
  const sim::Duration floor = eager_floor(machine);
  if (cost.time >= floor) return;
  cost.time = floor;
  cost.measured = false;
  cost.evidence = machine != nullptr ? CollectiveEvidence::kFitted : CollectiveEvidence::kFamily;
  cost.error_p90 = machine != nullptr ? machine->error_p90 : profile_->family.error_p90;
}

CollectiveCost CollectiveModel::launched_eagerly(CollectiveCost cost,
                                                 const CollectiveRequest& request) const {
  launch_eagerly(cost, fitted_machine(request, wiring_.graph(request.devices)));
  return cost;
}

CollectiveCost CollectiveModel::cost(const CollectiveRequest& request, LaunchMode launch,
                                     std::optional<Algorithm> algorithm,
                                     std::optional<Protocol> protocol) const {
  check_size(request);
  const NcclGraph graph = wiring_.graph(request.devices);
  const NcclChoice usual = nccl_choice(request.kind, request.size, graph, profile_->nccl);
  const NcclChoice choice =
      nccl_choice(request.kind, request.size, graph, profile_->nccl, algorithm, protocol);
  const CollectiveMachine* machine = fitted_machine(request, graph);
  const NcclFit& fit = fit_of(machine, graph);
  CollectiveCost cost;
  cost.algorithm = choice.algorithm;
  cost.protocol = choice.protocol;
  cost.time =
      nccl_time(request.kind, request.size, choice, graph, fit, profile_->shape, profile_->nccl);
  const bool fitted = machine != nullptr && graph.machines == 1;  // no network was fitted
  cost.evidence = fitted ? CollectiveEvidence::kFitted : CollectiveEvidence::kFamily;
  cost.error_p90 = fitted ? machine->error_p90 : profile_->family.error_p90;
  const CollectiveTable* measured =
      table(machine, request, graph, CollectiveLibrary::kNccl, LaunchMode::kGraph);
  if (measured != nullptr && choice == usual) {
    const TableSpot spot = find_spot(*measured, request.size);
    cost.time = at_spot(spot, nccl_model(request, spot.below.size, graph, fit),
                        nccl_model(request, spot.above.size, graph, fit), cost.time);
    if (spot.inside) {
      cost.measured = true;
      cost.evidence = CollectiveEvidence::kMeasured;
      cost.error_p90 = profile_->table_error_p90;
    }
  }
  if (launch == LaunchMode::kEager) launch_eagerly(cost, machine);
  return cost;
}

std::optional<CollectiveCost> CollectiveModel::custom_all_reduce(const CollectiveRequest& request,
                                                                 LaunchMode launch) const {
  check_size(request);
  const NcclGraph graph = wiring_.graph(request.devices);
  if (request.kind != CollectiveKind::kAllReduce) return std::nullopt;
  const auto algorithm = vllm_algorithm(request.size, graph, profile_->vllm);
  if (!algorithm) return std::nullopt;
  const CollectiveMachine* machine = fitted_machine(request, graph);
  const sim::Duration floor =
      launch == LaunchMode::kEager ? eager_floor(machine) : sim::Duration::zero();
  const auto modelled = [&](sim::Bytes size) {
    const auto own = vllm_algorithm(size, graph, profile_->vllm).value_or(*algorithm);
    return std::max(floor, vllm_time(size, own, graph, profile_->vllm));
  };
  CollectiveCost cost;
  cost.library = CollectiveLibrary::kVllm;
  cost.algorithm = *algorithm;
  cost.protocol = Protocol::kNone;
  cost.time = modelled(request.size);
  cost.evidence = machine != nullptr ? CollectiveEvidence::kFitted : CollectiveEvidence::kFamily;
  cost.error_p90 = profile_->vllm.error_p90;
  const CollectiveTable* measured =
      table(machine, request, graph, CollectiveLibrary::kVllm, launch);
  if (measured != nullptr) {
    const TableSpot spot = find_spot(*measured, request.size);
    cost.time = at_spot(spot, modelled(spot.below.size), modelled(spot.above.size), cost.time);
    if (spot.inside) {
      cost.measured = true;
      cost.evidence = CollectiveEvidence::kMeasured;
      cost.error_p90 = profile_->table_error_p90;
    }
  }
  return cost;
}

CollectiveCost CollectiveModel::cost(CollectiveLibrary library, const CollectiveRequest& request,
                                     LaunchMode launch) const {
  if (library == CollectiveLibrary::kVllm)
    if (auto own = custom_all_reduce(request, launch)) return *own;
  return cost(request, launch);
}

}  // namespace rigsim::topology
