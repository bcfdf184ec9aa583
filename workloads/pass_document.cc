#include "workloads/pass_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "topology/network.h"
#include "workloads/communication.h"

namespace rigsim::workloads {
namespace {

class Translation {
 public:
  Translation(const PassGraph& pass, const topology::Rig& rig)
      : pass_(pass), rig_(rig), network_(rig), staged_network_(without_peer_access(rig)) {}

  OpGraphDocument run(std::string title) {
    OpGraphDocument document;
    document.title = std::move(title);
    for (const auto& device : rig_.devices) document.devices.push_back(device.name);
    std::vector<std::uint32_t> node_of;  // [ops]
    for (std::uint32_t i = 0; i < pass_.ops.size(); ++i) {
      if (!is_flow(i)) document.nodes.push_back({name(i), work(i), {}});
      node_of.push_back(static_cast<std::uint32_t>(document.nodes.size()) - 1);
    }
    for (std::uint32_t i = 0; i < pass_.ops.size(); ++i) {
      for (const sim::OpId next : pass_.graph.successors(sim::OpId{i})) {
        const std::uint32_t node = node_of[sim::index_of(next)];
        auto& after = document.nodes[node].after;
        const bool known = !after.empty() && after.back() == node_of[i];
        if (node != node_of[i] && !known) after.push_back(node_of[i]);
      }
    }
    return document;
  }

 private:
  /// Whether an op moves bytes of the collective before it.
  [[nodiscard]] bool is_flow(std::uint32_t i) const {
    return i < pass_.ops.size() && pass_.ops[i].collective &&
           pass_.ops[i].op_class == OpClass::kTransfer;
  }

  static topology::Rig without_peer_access(topology::Rig rig) {
    rig.peer_access.clear();
    return rig;
  }

  [[nodiscard]] std::string name(std::uint32_t i) const {
    const OpInfo& info = pass_.ops[i];
    return info.layer < 0 ? fmt::format("{}.{}", info.name, i)
                          : fmt::format("{}.l{}.{}", info.name, info.layer, i);
  }

  [[nodiscard]] NodeWork work(std::uint32_t i) {
    const std::int64_t amount = pass_.graph.costs().amount[i];
    if (pass_.ops[i].collective) return collective(i, sim::Duration(amount));
    switch (pass_.graph.kind(sim::OpId{i})) {
      case sim::OpKind::kTransfer:
        return transfer(i, sim::Bytes(amount));
      case sim::OpKind::kExclusive:
        return exclusive(i, sim::Duration(amount));
      case sim::OpKind::kDelay:
        break;
    }
    return DelayNode{sim::Duration(amount)};
  }

  /// `beyond`: what it takes before its flows, if it has some.
  [[nodiscard]] CollectiveNode collective(std::uint32_t i, sim::Duration beyond) const {
    const PassCollective& known = pass_.collectives[*pass_.ops[i].collective];
    CollectiveNode node;
    node.kind = known.request.kind;
    node.devices = known.request.devices;
    node.size = known.request.size;
    node.algorithm = known.algorithm;
    node.runner = known.runner;
    node.launch = known.launch;
    node.shares_links = is_flow(i + 1);
    node.duration = beyond;
    if (node.shares_links) *node.duration += slowest_ring_copy(network_, known.request);
    return node;
  }

  /// A pass's resources are the devices' streams in order, the host's CPU and its thread.
  [[nodiscard]] NodeWork exclusive(std::uint32_t i, sim::Duration duration) const {
    const std::uint32_t resource = pass_.graph.target(sim::OpId{i});
    const auto devices = static_cast<std::uint32_t>(rig_.devices.size());
    const OpInfo& info = pass_.ops[i];
    if (resource == devices) return HostNode{duration, "cpu"};
    if (resource == devices + 1) return HostNode{duration, "thread"};
    const bool own = resource < devices;
    const std::string stream = own ? "compute" : fmt::format("stream{}", resource);
    if (!own && info.place == kHostPlace) return HostNode{duration, stream};
    ComputeNode node;
    node.device = own ? resource : info.place;
    node.stream = stream;
    node.duration = duration;
    node.flops = info.flops;
    node.bytes = sim::Bytes(static_cast<std::int64_t>(info.bytes));
    return node;
  }

  [[nodiscard]] TransferNode transfer(std::uint32_t i, sim::Bytes size) {
    const OpInfo& info = pass_.ops[i];
    const sim::RouteId route = pass_.graph.route(sim::OpId{i}).value();
    for (const bool staged : {false, true}) {
      if (staged && (info.source == kHostPlace || info.place == kHostPlace)) break;
      if (is_route(path(info, staged), route)) return {info.source, info.place, size, staged};
    }
    throw std::invalid_argument(
        fmt::format("{} does not move on a copy's way between its two places: it cannot stand in "
                    "a graph document",
                    name(i)));
  }

  /// Paths are the same for many ops: found once.
  const topology::CopyPath& path(const OpInfo& info, bool staged) {
    const auto [found, is_new] = paths_.try_emplace({info.source, info.place, staged});
    if (is_new) {
      const topology::RigNetwork& network = staged ? staged_network_ : network_;
      found->second = info.source == kHostPlace  ? network.host_to_device(info.place)
                      : info.place == kHostPlace ? network.device_to_host(info.source)
                                                 : network.route(info.source, info.place);
    }
    return found->second;
  }

  [[nodiscard]] bool is_route(const topology::CopyPath& path, sim::RouteId route) const {
    const sim::Network& network = pass_.graph.network();
    const auto links = network.links(route);
    return std::equal(links.begin(), links.end(), path.links.begin(), path.links.end()) &&
           network.latency(route) == path.fixed_cost && network.cap(route) == path.cap;
  }

  const PassGraph& pass_;
  const topology::Rig& rig_;
  topology::RigNetwork network_;
  topology::RigNetwork staged_network_;  // as if no pair had peer access; the same links
  std::map<std::tuple<std::uint32_t, std::uint32_t, bool>, topology::CopyPath> paths_;
};

}  // namespace

OpGraphDocument document_of(const PassGraph& pass, const topology::Rig& rig, std::string title) {
  return Translation(pass, rig).run(std::move(title));
}

}  // namespace rigsim::workloads
