#include "topology/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace rigsim::topology {
namespace {

sim::LinkId link_of(const Hop& hop) { return sim::LinkId{2 * hop.cable + (hop.a_to_b ? 0u : 1u)}; }

sim::Duration divided(sim::Duration time, double by) {
  return sim::from_seconds(sim::to_seconds(time) / by);
}

}  // namespace

sim::Duration CopyPath::time(sim::Bytes size) const { return fixed_cost + size / uncontended; }

RigNetwork::RigNetwork(const Rig& rig, LinkScale scale) : scale_(scale), routes_(rig) {
  add_members(rig);
  add_links(rig);
  add_peer_access(rig);
}

void RigNetwork::add_members(const Rig& rig) {
  members_.resize(rig.devices.size());
  for (std::uint32_t i = 0; i < rig.nodes.size(); ++i) {
    const Node& node = rig.nodes[i];
    if (!node.device) continue;
    const InstalledDevice& installed = rig.devices[*node.device];
    Member& member = members_[*node.device];
    member.name = installed.name;
    member.node = NodeId{i};
    member.machine = node.machine;
    member.reaches_nics = installed.device.pcie_p2p;
    if (rig.cables.empty()) continue;
    member.host = routes_.nearest_host(member.node);
    StagedCopyRate rate = staged_copy(installed.device);
    rate.fixed_cost = installed.staged_copy_cost.value_or(rate.fixed_cost);
    member.staged = scaled(rate);
  }
}

StagedCopyRate RigNetwork::scaled(StagedCopyRate rate) const {
  if (scale_.latency != 1) rate.fixed_cost = divided(rate.fixed_cost, scale_.latency);
  rate.one_way = sim::Bandwidth(rate.one_way.count() * scale_.bandwidth);
  rate.both_ways = sim::Bandwidth(rate.both_ways.count() * scale_.bandwidth);
  return rate;
}

sim::LinkId RigNetwork::add_link(std::string name, sim::Bandwidth capacity, sim::Duration latency) {
  names_.push_back(std::move(name));
  return network_.add_link(capacity, latency);
}

void RigNetwork::add_links(const Rig& rig) {
  for (const Cable& cable : rig.cables) {
    const std::string& a = rig.nodes[static_cast<std::size_t>(cable.a)].name;
    const std::string& b = rig.nodes[static_cast<std::size_t>(cable.b)].name;
    const sim::Bandwidth rate(cable.per_direction.count() * scale_.bandwidth);
    const sim::Duration latency =
        scale_.latency == 1 ? cable.latency : divided(cable.latency, scale_.latency);
    (void)add_link(fmt::format("{}>{} {}", a, b, cable.type), rate, latency);
    (void)add_link(fmt::format("{}>{} {}", b, a, cable.type), rate, latency);
  }
  for (Member& member : members_)
    if (member.staged)
      member.staging = add_link(member.name + " staging", member.staged->both_ways, {});
}

void RigNetwork::add_peer_access(const Rig& rig) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
  for (const PeerAccess& peer : rig.peer_access) pairs.emplace_back(peer.from, peer.to);
  std::ranges::sort(pairs);
  first_peer_.resize(members_.size() + 1);
  for (const auto& [from, to] : pairs) {
    ++first_peer_[from + 1];
    peers_.push_back(to);
  }
  for (std::size_t i = 0; i < members_.size(); ++i) first_peer_[i + 1] += first_peer_[i];
}

const RigNetwork::Member& RigNetwork::member(std::uint32_t device) const {
  if (device >= members_.size())
    throw std::invalid_argument(
        fmt::format("device {} is unknown, the rig has {}", device, members_.size()));
  return members_[device];
}

bool RigNetwork::copies_directly(std::uint32_t from, std::uint32_t to) const {
  const Member& sender = members_[from];
  const Member& receiver = members_[to];
  if (sender.machine != receiver.machine) return sender.reaches_nics && receiver.reaches_nics;
  const auto first = peers_.begin() + first_peer_[from];
  return std::binary_search(first, peers_.begin() + first_peer_[from + 1], to);
}

void RigNetwork::append(CopyPath& path, NodeId from, NodeId to) const {
  for (const Hop& hop : routes_.route(from, to)) {
    path.links.push_back(link_of(hop));
    path.fixed_cost += network_.link(path.links.back()).latency;
  }
}

void RigNetwork::stage(CopyPath& path, const Member& from, const Member& to) const {
  const NodeId near = from.host.value();
  const NodeId far = to.host.value();
  append(path, from.node, near);
  append(path, near, far);
  append(path, far, to.node);
  const sim::Duration latency = path.fixed_cost;
  path.links.push_back(from.staging);
  path.links.push_back(to.staging);
  path.staged = true;
  path.fixed_cost = std::max({latency, from.staged->fixed_cost, to.staged->fixed_cost});
  path.extra_latency = path.fixed_cost - latency;
  path.cap = std::min(from.staged->one_way, to.staged->one_way);
}

CopyPath RigNetwork::finished(CopyPath path) const {
  path.uncontended = path.cap.value_or(sim::Bandwidth(std::numeric_limits<double>::infinity()));
  for (const sim::LinkId link : path.links) {
    path.via.emplace_back(name(link));
    path.uncontended = std::min(path.uncontended, network_.link(link).capacity);
  }
  return path;
}

CopyPath RigNetwork::route(std::uint32_t from, std::uint32_t to) const {
  const Member& sender = member(from);
  const Member& receiver = member(to);
  if (from == to || !sender.staged || !receiver.staged)
    throw std::invalid_argument(fmt::format("no copy from {} to {}", sender.name, receiver.name));
  CopyPath path;
  if (copies_directly(from, to)) {
    append(path, sender.node, receiver.node);
  } else {
    stage(path, sender, receiver);
  }
  return finished(std::move(path));
}

bool RigNetwork::has_host_link(std::uint32_t device) const {
  return member(device).host.has_value();
}

const RigNetwork::Member& RigNetwork::with_host(std::uint32_t device) const {
  const Member& found = member(device);
  if (!found.host)
    throw std::invalid_argument(fmt::format("{} has no link to the host", found.name));
  return found;
}

CopyPath RigNetwork::host_to_device(std::uint32_t device) const {
  const Member& to = with_host(device);
  CopyPath path;
  append(path, *to.host, to.node);
  return finished(std::move(path));
}

CopyPath RigNetwork::device_to_host(std::uint32_t device) const {
  const Member& from = with_host(device);
  CopyPath path;
  append(path, from.node, *from.host);
  return finished(std::move(path));
}

std::string_view RigNetwork::name(sim::LinkId link) const {
  return names_.at(static_cast<std::size_t>(link));
}

}  // namespace rigsim::topology
