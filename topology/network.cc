#include "topology/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "topology/link_rates.h"

namespace rigsim::topology {
namespace {

NodeId node_of(const Rig& rig, std::uint32_t device) {
  const auto at = std::find_if(rig.nodes.begin(), rig.nodes.end(),
                               [&](const Node& node) { return node.device == device; });
  return NodeId{static_cast<std::uint32_t>(at - rig.nodes.begin())};
}

bool may_copy(const Rig& rig, std::uint32_t from, std::uint32_t to) {
  return std::any_of(rig.peer_access.begin(), rig.peer_access.end(),
                     [&](const PeerAccess& peer) { return peer.from == from && peer.to == to; });
}

sim::LinkId link_of(const Hop& hop) { return sim::LinkId{2 * hop.cable + (hop.a_to_b ? 0u : 1u)}; }

}  // namespace

struct RigNetwork::Plan {
  std::vector<sim::LinkId> links;
  bool staged = false;
  sim::Duration fixed_cost{};  ///< of the links, or more
  std::optional<sim::Bandwidth> cap;
};

sim::Duration CopyPath::time(sim::Bytes size) const { return fixed_cost + size / uncontended; }

RigNetwork::RigNetwork(const Rig& rig) {
  const RouteTable routes(rig);
  for (const InstalledDevice& installed : rig.devices) device_names_.push_back(installed.name);
  add_links(rig);
  add_paths(rig, routes);
}

sim::LinkId RigNetwork::add_link(std::string name, sim::Bandwidth capacity, sim::Duration latency) {
  names_.push_back(std::move(name));
  return network_.add_link(capacity, latency);
}

void RigNetwork::add_links(const Rig& rig) {
  for (const Cable& cable : rig.cables) {
    const std::string& a = rig.nodes[static_cast<std::size_t>(cable.a)].name;
    const std::string& b = rig.nodes[static_cast<std::size_t>(cable.b)].name;
    (void)add_link(fmt::format("{}>{} {}", a, b, cable.type), cable.per_direction, cable.latency);
    (void)add_link(fmt::format("{}>{} {}", b, a, cable.type), cable.per_direction, cable.latency);
  }
  if (rig.cables.empty()) return;
  for (const InstalledDevice& installed : rig.devices)
    staging_.push_back(
        add_link(installed.name + " staging", staged_copy(installed.device).both_ways, {}));
}

void RigNetwork::append(Plan& plan, const std::vector<Hop>& hops) const {
  for (const Hop& hop : hops) {
    plan.links.push_back(link_of(hop));
    plan.fixed_cost += network_.link(plan.links.back()).latency;
  }
}

RigNetwork::Plan RigNetwork::peer_plan(const Rig& rig, const RouteTable& routes, std::uint32_t from,
                                       std::uint32_t to) const {
  Plan plan;
  append(plan, routes.route(node_of(rig, from), node_of(rig, to)));
  return plan;
}

RigNetwork::Plan RigNetwork::staged_plan(const Rig& rig, const RouteTable& routes,
                                         std::uint32_t from, std::uint32_t to) const {
  const StagedCopyRate out = staged_copy(rig.devices[from].device);
  const StagedCopyRate in = staged_copy(rig.devices[to].device);
  const NodeId sender = node_of(rig, from);
  const NodeId receiver = node_of(rig, to);
  const NodeId near = routes.nearest_host(sender).value();
  const NodeId far = routes.nearest_host(receiver).value();
  Plan plan;
  append(plan, routes.route(sender, near));
  append(plan, routes.route(near, far));
  append(plan, routes.route(far, receiver));
  plan.links.push_back(staging_[from]);
  plan.links.push_back(staging_[to]);
  plan.staged = true;
  plan.fixed_cost = std::max({plan.fixed_cost, out.fixed_cost, in.fixed_cost});
  plan.cap = std::min(out.one_way, in.one_way);
  return plan;
}

CopyPath RigNetwork::add_path(const Plan& plan) {
  CopyPath path;
  path.staged = plan.staged;
  path.fixed_cost = plan.fixed_cost;
  path.uncontended = plan.cap.value_or(sim::Bandwidth(std::numeric_limits<double>::infinity()));
  sim::Duration latency{};
  for (const sim::LinkId link : plan.links) {
    path.via.emplace_back(name(link));
    path.uncontended = std::min(path.uncontended, network_.link(link).capacity);
    latency += network_.link(link).latency;
  }
  path.route = network_.add_route(plan.links, plan.fixed_cost - latency, plan.cap);
  return path;
}

void RigNetwork::add_paths(const Rig& rig, const RouteTable& routes) {
  const auto devices = static_cast<std::uint32_t>(rig.devices.size());
  peers_.resize(std::size_t{devices} * devices);
  from_host_.resize(devices);
  to_host_.resize(devices);
  if (rig.cables.empty()) return;
  for (std::uint32_t from = 0; from < devices; ++from) {
    const NodeId node = node_of(rig, from);
    const NodeId host = routes.nearest_host(node).value();
    Plan up;
    Plan down;
    append(up, routes.route(node, host));
    append(down, routes.route(host, node));
    to_host_[from] = add_path(up);
    from_host_[from] = add_path(down);
    for (std::uint32_t to = 0; to < devices; ++to)
      if (from != to)
        peers_[std::size_t{from} * devices + to] =
            add_path(may_copy(rig, from, to) ? peer_plan(rig, routes, from, to)
                                             : staged_plan(rig, routes, from, to));
  }
}

void RigNetwork::check_device(std::uint32_t device) const {
  if (device >= device_names_.size())
    throw std::invalid_argument(
        fmt::format("device {} is unknown, the rig has {}", device, device_names_.size()));
}

const CopyPath& RigNetwork::route(std::uint32_t from, std::uint32_t to) const {
  check_device(from);
  check_device(to);
  const std::optional<CopyPath>& path = peers_[std::size_t{from} * device_names_.size() + to];
  if (!path)
    throw std::invalid_argument(
        fmt::format("no copy from {} to {}", device_names_[from], device_names_[to]));
  return *path;
}

bool RigNetwork::has_host_link(std::uint32_t device) const {
  check_device(device);
  return to_host_[device].has_value();
}

const CopyPath& RigNetwork::host_to_device(std::uint32_t device) const {
  if (!has_host_link(device))
    throw std::invalid_argument(fmt::format("{} has no link to the host", device_names_[device]));
  return *from_host_[device];
}

const CopyPath& RigNetwork::device_to_host(std::uint32_t device) const {
  if (!has_host_link(device))
    throw std::invalid_argument(fmt::format("{} has no link to the host", device_names_[device]));
  return *to_host_[device];
}

std::string_view RigNetwork::name(sim::LinkId link) const {
  return names_.at(static_cast<std::size_t>(link));
}

}  // namespace rigsim::topology
