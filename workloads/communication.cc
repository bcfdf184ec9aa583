#include "workloads/communication.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "topology/collective_contention.h"
#include "workloads/whole_blocks.h"

namespace rigsim::workloads {
namespace {

/// Links of the copies between neighbours of a ring of `devices`.
std::set<sim::LinkId> ring_links(const Deployment& d, const std::vector<std::uint32_t>& devices) {
  std::set<sim::LinkId> links;
  for (std::size_t r = 0; devices.size() > 1 && r < devices.size(); ++r) {
    const auto path = d.network.route(devices[r], devices[(r + 1) % devices.size()]);
    links.insert(path.links.begin(), path.links.end());
  }
  return links;
}

Evidence evidence_of(topology::CollectiveEvidence evidence) {
  switch (evidence) {
    case topology::CollectiveEvidence::kMeasured:
      return Evidence::kMeasured;
    case topology::CollectiveEvidence::kFitted:
      return Evidence::kFitted;
    case topology::CollectiveEvidence::kFamily:
      return Evidence::kDatasheet;
  }
  throw std::logic_error("unknown evidence of a collective");
}

/// Whether several stages of one replica work at the same time while decoding.
bool stages_overlap(const Deployment& d) {
  return d.plan.pp > 1 && d.engine.style == KernelStyle::kFused && d.plan.in_flight != 1;
}

}  // namespace

CollectivePrices::CollectivePrices(const topology::Rig& rig, const topology::RigNetwork& network,
                                   const EngineProfile& engine,
                                   const topology::CollectiveProfile* profile,
                                   const ResourceScale& scale)
    : network_(network),
      library_(engine.style == KernelStyle::kFused && engine.custom_all_reduce
                   ? topology::CollectiveLibrary::kVllm
                   : topology::CollectiveLibrary::kNccl),
      scale_(scale) {
  if (profile != nullptr) model_.emplace(rig, *profile);
}

std::optional<CollectivePrice> CollectivePrices::price(const topology::CollectiveRequest& request,
                                                       topology::LaunchMode launch) {
  if (!model_) return std::nullopt;
  const Key key{request.kind, launch, request.size.count(), request.devices};
  const auto known = known_.find(key);
  if (known != known_.end()) return known->second;
  return known_.emplace(key, scaled(request, launch)).first->second;
}

/// Of a byte's time what is not the kernel's start counts as hops, what is beyond it as bytes. An
/// eager call ends no sooner than the host's floor; what was measured beyond both is the host's,
/// too.
CollectivePrice CollectivePrices::scaled(const topology::CollectiveRequest& request,
                                         topology::LaunchMode launch) const {
  const auto cost_of = [&](topology::CollectiveLibrary library, sim::Bytes size,
                           topology::LaunchMode mode) {
    return topology::cost_alone(*model_, network_, library, {request.kind, request.devices, size},
                                mode);
  };
  const topology::CollectiveCost cost = cost_of(library_, request.size, launch);
  const auto on_device = [&](sim::Bytes size) {
    return sim::to_seconds(cost_of(cost.library, size, topology::LaunchMode::kGraph).time);
  };
  const topology::CollectiveStart known = model_->start(cost.library, request);
  const bool eager = launch == topology::LaunchMode::kEager;
  const double all = eager ? on_device(request.size) : sim::to_seconds(cost.time);
  const sim::Bytes smallest(static_cast<std::int64_t>(request.devices.size()));
  const double latency = std::min(all, on_device(smallest));
  const double start = std::min(latency, sim::to_seconds(known.kernel));
  const double floor = eager ? sim::to_seconds(known.eager_floor) : 0;
  const double beyond = sim::to_seconds(cost.time) - std::max(all, floor);
  const double moving = start / scale_.launch + (latency - start) / scale_.link_latency +
                        (all - latency) / scale_.link_bandwidth;
  const double time = std::max(moving, floor / scale_.launch) + beyond / scale_.launch;
  const bool held = moving <= floor / scale_.launch;
  const double launched = held ? time : std::max(0.0, start + beyond) / scale_.launch;
  const bool as_it_is =
      scale_.launch == 1 && scale_.link_latency == 1 && scale_.link_bandwidth == 1;
  return {as_it_is ? cost.time : sim::from_seconds(std::max(0.0, time)),
          sim::from_seconds(launched), evidence_of(cost.evidence), cost.algorithm};
}

Communication::Communication(const Deployment& deployment)
    : d_(deployment),
      prices_(deployment.rig, deployment.network, deployment.engine,
              deployment.collectives ? &*deployment.collectives : nullptr, deployment.scale) {
  if (d_.plan.tp == 1) return;
  std::map<sim::LinkId, std::set<std::uint32_t>> users;  // who uses a link at its own times
  const bool overlap = stages_overlap(d_);
  for (std::uint32_t s = 0; s < d_.stages.size(); ++s) {
    const std::uint32_t user = overlap ? s : d_.stages[s].replica;
    for (const sim::LinkId link : ring_links(d_, d_.stages[s].devices)) users[link].insert(user);
  }
  for (const auto& [link, groups] : users) {
    if (groups.size() > 1) shared_.insert(link);
  }
}

bool Communication::contended(const std::vector<std::uint32_t>& devices) const {
  if (shared_.empty()) return false;
  for (const sim::LinkId link : ring_links(d_, devices)) {
    if (shared_.contains(link)) return true;
  }
  return false;
}

sim::Duration slowest_ring_copy(const topology::RigNetwork& network,
                                const topology::CollectiveRequest& request) {
  const std::size_t n = request.devices.size();
  const sim::Bytes bytes = ring_bytes(request);
  sim::Duration slowest{};
  for (std::size_t r = 0; r < n; ++r) {
    const auto path = network.route(request.devices[r], request.devices[(r + 1) % n]);
    slowest = std::max(slowest, path.time(bytes));
  }
  return slowest;
}

sim::Bytes ring_bytes(const topology::CollectiveRequest& request) {
  const auto n = static_cast<std::int64_t>(request.devices.size());
  const std::int64_t part = divide_up(request.size.count(), n);
  switch (request.kind) {
    case topology::CollectiveKind::kAllReduce:
      return sim::Bytes(2 * (n - 1) * part);
    case topology::CollectiveKind::kReduceScatter:
    case topology::CollectiveKind::kAllGather:
    case topology::CollectiveKind::kAllToAll:
      return sim::Bytes((n - 1) * part);
    case topology::CollectiveKind::kBroadcast:
    case topology::CollectiveKind::kSendRecv:
      return request.size;
  }
  return request.size;
}

}  // namespace rigsim::workloads
