#include "topology/nccl_wiring.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>
#include <stdexcept>

#include "topology/link_rates.h"
#include "topology/node_groups.h"
#include "topology/ring_check.h"

namespace rigsim::topology {
namespace {

using Pair = std::pair<std::uint32_t, std::uint32_t>;

std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

std::size_t row(NcclGeneration generation) { return static_cast<std::size_t>(generation); }

/// NCCL's value of a cable: its value of the link that `device` has, times what the cable carries
/// over what such a link usually carries.
sim::Bandwidth pcie_value(const Device& device, sim::Bandwidth cable, const NcclConstants& nccl) {
  if (device.pcie_gen < 1) return cable;
  const double planned = nccl.pcie_first_lane.count() * device.pcie_lanes *
                         static_cast<double>(1U << static_cast<unsigned>(device.pcie_gen - 1));
  return sim::Bandwidth(planned * (cable / host_cable(device).per_direction));
}

sim::Bandwidth peer_value(const Device& device, sim::Bandwidth cable, const NcclConstants& nccl) {
  const PeerLink& link = device.peer_link;
  if (link.kind == PeerLinkKind::kNone) return cable;
  const sim::Bandwidth usual = peer_cable(device).per_direction;
  if (link.kind == PeerLinkKind::kXgmi) return cable;  // measured at what RCCL plans with
  const double share = device.chip.starts_with("GA102")
                           ? nccl.nvlink_share_ga102
                           : nccl.nvlink_share[row(nccl_generation(device))];
  return sim::Bandwidth(link.per_direction.count() * share * (cable / usual));
}

/// Sets of nodes as bits, for has_ring().
std::vector<std::uint32_t> masks(const std::vector<std::set<std::uint32_t>>& sets) {
  std::vector<std::uint32_t> out(sets.size());
  if (sets.size() > kMostInRing) return out;
  for (std::size_t i = 0; i < sets.size(); ++i)
    for (const std::uint32_t j : sets[i]) out[i] |= 1U << j;
  return out;
}

bool towards_host(CableKind kind) {
  return kind == CableKind::kPcie || kind == CableKind::kOnDie || kind == CableKind::kC2c;
}

void keep_least(std::map<std::uint32_t, sim::Bandwidth>& map, std::uint32_t key,
                sim::Bandwidth value) {
  const auto [at, fresh] = map.emplace(key, value);
  if (!fresh) at->second = std::min(at->second, value);
}

/// Every node's way to its host, found outwards from the hosts.
std::vector<Climb> all_climbs(const Rig& rig) {
  std::vector<std::vector<ClimbStep>> joined(rig.nodes.size());  // ways down, by their upper end
  for (const Cable& cable : rig.cables) {
    if (!towards_host(cable.kind)) continue;
    joined[index(cable.a)].push_back({index(cable.b), index(cable.a), cable.per_direction});
    joined[index(cable.b)].push_back({index(cable.a), index(cable.b), cable.per_direction});
  }
  std::vector<Climb> climbs(rig.nodes.size());
  std::deque<std::size_t> reached;
  for (std::size_t i = 0; i < rig.nodes.size(); ++i)
    if (rig.nodes[i].kind == NodeKind::kHost) reached.push_back(i);
  for (; !reached.empty(); reached.pop_front()) {
    for (const ClimbStep& down : joined[reached.front()]) {
      Climb& climb = climbs[down.below];
      if (!climb.empty() || rig.nodes[down.below].kind == NodeKind::kHost) continue;
      climb = climbs[down.node];
      climb.insert(climb.begin(), down);
      if (rig.nodes[down.below].kind != NodeKind::kDevice) reached.push_back(down.below);
    }
  }
  return climbs;
}

/// The largest multiple of a channel speed that the search tries (MAXCHANNELS / 2 at most).
sim::Bandwidth in_channels(sim::Bandwidth found, const std::vector<double>& speeds_gbps) {
  constexpr double kMostChannels = 16;
  double best = 0;
  for (const double speed : speeds_gbps) {
    const double channels = std::min(kMostChannels, std::floor(found.count() * 1e-9 / speed));
    best = std::max(best, channels * speed * 1e9);
  }
  return best > 0 ? sim::Bandwidth(best) : found;
}

}  // namespace

sim::Bandwidth NcclGraph::ring() const {
  if (machines == 1) return intra;
  return ranks_per_machine == 1 ? inter : std::min(intra, inter);
}

NcclGeneration nccl_generation(const Device& device) {
  if (device.architecture == "Blackwell") return NcclGeneration::kBlackwell;
  if (device.architecture == "Hopper" || device.architecture == "CDNA3")
    return NcclGeneration::kHopper;
  if (device.architecture == "Volta" || device.architecture == "Turing" ||
      device.architecture == "Pascal")
    return NcclGeneration::kVolta;
  return NcclGeneration::kAmpere;
}

NcclWiring::NcclWiring(const Rig& rig, const NcclConstants& constants) : constants_(constants) {
  intel_host_ = cpu_vendor(rig.host) == "Intel";
  any_distance_ = rig.nccl_peers_at_any_distance;
  for (const Node& node : rig.nodes) kinds_.push_back(node.kind);
  for (const PeerAccess& peer : rig.peer_access) peers_.emplace_back(peer.from, peer.to);
  std::sort(peers_.begin(), peers_.end());
  index_devices(rig);
  index_links(rig);
  const std::vector<Climb> climbs = all_climbs(rig);
  index_climbs(rig, climbs);
  index_network(rig, climbs);
}

void NcclWiring::index_devices(const Rig& rig) {
  ports_.resize(rig.devices.size());
  for (std::size_t i = 0; i < rig.devices.size(); ++i) {
    names_.push_back(rig.devices[i].name);
    ports_[i].generation = nccl_generation(rig.devices[i].device);
    ports_[i].rccl = rig.devices[i].device.vendor == "AMD";
  }
  for (const Node& node : rig.nodes)
    if (node.device) ports_[*node.device].machine = node.machine;
}

void NcclWiring::index_links(const Rig& rig) {
  NodeGroups fabrics(rig.nodes.size());
  const auto is_switch = [&](NodeId id) { return kinds_[index(id)] == NodeKind::kNvSwitch; };
  for (const Cable& cable : rig.cables)
    if (is_switch(cable.a) && is_switch(cable.b)) fabrics.join(index(cable.a), index(cable.b));
  for (const Cable& cable : rig.cables) {
    const auto a = rig.nodes[index(cable.a)].device;
    const auto b = rig.nodes[index(cable.b)].device;
    if (a && b) {
      const sim::Bandwidth value =
          peer_value(rig.devices[*a].device, cable.per_direction, constants_);
      direct_.push_back({*a, *b, value});
      direct_.push_back({*b, *a, value});
    } else if (const auto device = a ? a : b;
               device && (is_switch(cable.a) || is_switch(cable.b))) {
      Port& port = ports_[*device];
      port.fabric = fabrics.of(index(a ? cable.b : cable.a));
      port.into_fabric += peer_value(rig.devices[*device].device, cable.per_direction, constants_);
    }
  }
}

void NcclWiring::index_climbs(const Rig& rig, const std::vector<Climb>& climbs) {
  for (std::size_t i = 0; i < rig.nodes.size(); ++i) {
    if (!rig.nodes[i].device) continue;
    Climb& climb = ports_[*rig.nodes[i].device].climb;
    climb = climbs[i];
    for (ClimbStep& step : climb)
      step.nccl = pcie_value(rig.devices[*rig.nodes[i].device].device, step.cable, constants_);
  }
}

void NcclWiring::index_network(const Rig& rig, const std::vector<Climb>& climbs) {
  for (const Cable& cable : rig.cables) {
    const Node& a = rig.nodes[index(cable.a)];
    if (cable.kind == CableKind::kSocket) keep_least(sockets_, a.machine, cable.per_direction);
    if (cable.kind != CableKind::kNetwork) continue;
    for (const NodeId end : {cable.a, cable.b})
      if (kinds_[index(end)] == NodeKind::kNic)
        nics_[rig.nodes[index(end)].machine].push_back({cable.per_direction, climbs[index(end)]});
  }
}

std::optional<NcclWiring::Way> NcclWiring::switch_way(
    std::span<const std::uint32_t> devices) const {
  const auto fabric = ports_[devices.front()].fabric;
  if (!fabric) return std::nullopt;
  sim::Bandwidth least = ports_[devices.front()].into_fabric;
  for (const std::uint32_t device : devices) {
    if (ports_[device].fabric != fabric) return std::nullopt;
    least = std::min(least, ports_[device].into_fabric);
  }
  const NcclGeneration generation = ports_[devices.front()].generation;
  return Way{NcclPath::kNvlink, least, constants_.nvls_share[row(generation)] > 0, true};
}

/// Rings over direct links: each device sends over all its links to the others at once, as long as
/// a ring passes all of them.
std::optional<NcclWiring::Way> NcclWiring::mesh_way(std::span<const std::uint32_t> devices) const {
  const std::size_t n = devices.size();
  std::map<std::uint32_t, std::size_t> place;
  for (std::size_t i = 0; i < n; ++i) place[devices[i]] = i;
  std::vector<std::set<std::uint32_t>> peers(n);
  std::vector<sim::Bandwidth> out(n);
  for (const DirectLink& link : direct_) {
    const auto from = place.find(link.from);
    const auto to = place.find(link.to);
    if (from == place.end() || to == place.end()) continue;
    peers[from->second].insert(static_cast<std::uint32_t>(to->second));
    out[from->second] += link.nccl;
  }
  const bool all = std::ranges::all_of(peers, [&](const auto& set) { return set.size() == n - 1; });
  if (!all && !has_ring(masks(peers))) return std::nullopt;
  return Way{NcclPath::kNvlink, *std::ranges::min_element(out), false, all};
}

/// Paths over direct links, as long as they come by joining links in their order: exact for pairs
/// and for islands that are joined all to all.
double NcclWiring::nvlink_hops(std::span<const std::uint32_t> devices) const {
  if (direct_.empty()) return 0;
  NodeGroups paths(ports_.size());
  std::map<std::uint32_t, int> ends;
  for (const std::uint32_t device : devices) ends[device] = 0;
  double hops = 0;
  for (const DirectLink& link : direct_) {
    const auto from = ends.find(link.from);
    const auto to = ends.find(link.to);
    if (from == ends.end() || to == ends.end() || from->second == 2 || to->second == 2) continue;
    if (!paths.join(link.from, link.to)) continue;
    ++from->second;
    ++to->second;
    ++hops;
  }
  return hops / static_cast<double>(devices.size());
}

bool NcclWiring::all_peers(std::span<const std::uint32_t> devices) const {
  for (const std::uint32_t from : devices)
    for (const std::uint32_t to : devices)
      if (from != to && !std::binary_search(peers_.begin(), peers_.end(), Pair(from, to)))
        return false;
  return true;
}

NcclWiring::Way NcclWiring::pcie_way(std::span<const std::uint32_t> devices) const {
  for (const std::uint32_t device : devices)
    if (ports_[device].climb.empty())
      throw std::invalid_argument(
          fmt::format("no cable joins {} to the other devices", names_[device]));
  const auto stands = [](const Climb& climb, std::size_t node) {
    return std::ranges::find(climb, node, &ClimbStep::node);
  };
  std::optional<std::size_t> meeting;  // the lowest node that all climbs pass
  for (const ClimbStep& step : ports_[devices.front()].climb) {
    const bool shared = std::all_of(devices.begin(), devices.end(), [&](std::uint32_t device) {
      return stands(ports_[device].climb, step.node) != ports_[device].climb.end();
    });
    if (!shared) continue;
    meeting = step.node;
    break;
  }
  Way found{NcclPath::kSharedMemory, ports_[devices.front()].climb.front().nccl, false, false,
            nvlink_hops(devices)};
  for (const std::uint32_t device : devices) {
    for (const ClimbStep& step : ports_[device].climb) {
      found.bandwidth = std::min(found.bandwidth, step.nccl);
      if (meeting == step.node) break;
    }
  }
  const auto socket = sockets_.find(ports_[devices.front()].machine);
  if (!meeting && socket != sockets_.end())
    found.bandwidth = std::min(found.bandwidth, socket->second);
  const bool switches_only = meeting && kinds_[*meeting] == NodeKind::kPcieSwitch;
  // RCCL goes peer to peer however far, NCCL for two devices only; on Intel hosts neither beyond
  // switches (ncclTopoCheckP2p in src/graph/paths.cc of each, read 2026-11).
  const bool rccl = std::all_of(devices.begin(), devices.end(),
                                [&](std::uint32_t device) { return ports_[device].rccl; });
  const bool by_rule = switches_only || ((rccl || devices.size() == 2) && !intel_host_);
  if ((by_rule || any_distance_) && all_peers(devices)) found.path = NcclPath::kPcie;
  return found;
}

NcclWiring::Way NcclWiring::way(std::span<const std::uint32_t> devices) const {
  if (const auto found = switch_way(devices)) return *found;
  if (const auto found = mesh_way(devices)) return *found;
  return pcie_way(devices);
}

void NcclWiring::check(std::span<const std::uint32_t> devices) const {
  if (devices.size() < 2)
    throw std::invalid_argument(
        fmt::format("a collective needs at least two devices, got {}", devices.size()));
  std::vector<std::uint32_t> sorted(devices.begin(), devices.end());
  std::sort(sorted.begin(), sorted.end());
  if (sorted.back() >= ports_.size())
    throw std::invalid_argument(
        fmt::format("no device {}; the rig has {}", sorted.back(), ports_.size()));
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
    throw std::invalid_argument(fmt::format("device {} takes part twice", *twice));
}

sim::Bandwidth NcclWiring::network(std::uint32_t machine,
                                   std::span<const std::uint32_t> ranks) const {
  const auto nics = nics_.find(machine);
  if (nics == nics_.end())
    throw std::invalid_argument(
        fmt::format("machine {} has no NIC to reach the other machines", machine));
  std::vector<const Climb*> climbs;
  for (const std::uint32_t rank : ranks) climbs.push_back(&ports_[rank].climb);
  const auto socket = sockets_.find(machine);
  return nic_reach(climbs, nics->second,
                   socket == sockets_.end() ? std::nullopt : std::optional(socket->second));
}

NcclGraph NcclWiring::graph(std::span<const std::uint32_t> devices) const {
  check(devices);
  std::map<std::uint32_t, std::vector<std::uint32_t>> machines;
  for (const std::uint32_t device : devices) machines[ports_[device].machine].push_back(device);
  NcclGraph graph;
  graph.ranks = static_cast<std::uint32_t>(devices.size());
  graph.machines = static_cast<std::uint32_t>(machines.size());
  graph.generation = NcclGeneration::kBlackwell;
  for (const std::uint32_t device : devices)
    graph.generation = std::min(graph.generation, ports_[device].generation);
  const auto& speeds = constants_.channel_speeds[row(graph.generation)];
  std::optional<Way> slowest;
  for (const auto& [machine, ranks] : machines) {
    graph.ranks_per_machine =
        std::max(graph.ranks_per_machine, static_cast<std::uint32_t>(ranks.size()));
    if (machines.size() > 1) {
      const sim::Bandwidth rate = network(machine, ranks);
      graph.inter = graph.inter.count() > 0 ? std::min(graph.inter, rate) : rate;
    }
    if (ranks.size() < 2) continue;
    Way found = way(ranks);
    found.bandwidth = in_channels(found.bandwidth, speeds);
    if (!slowest || found.bandwidth < slowest->bandwidth) slowest = found;
  }
  if (slowest) {
    graph.path = slowest->path;
    graph.intra = slowest->bandwidth;
    graph.nvls = slowest->nvls;
    graph.nvlink_hops = slowest->nvlink_hops;
  }
  if (graph.machines == 1) {
    constexpr std::uint32_t kMostLookedUp = 16;
    graph.fully_joined = slowest->fully_joined;
    graph.peer_access = graph.ranks <= kMostLookedUp && all_peers(devices);
  }
  return graph;
}

}  // namespace rigsim::topology
