#include "analysis/replay_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "analysis/replay_collective.h"
#include "configs/config_error.h"
#include "configs/nearest_name.h"
#include "workloads/node_roofline.h"

namespace rigsim::analysis {
namespace {

using workloads::kHostPlace;
using workloads::OpGraphDocument;

/// The stream of a device that copies slow.
constexpr const char* kKernels = "compute";

/// 3 of "gpu3", "npu3" and "3".
std::optional<std::uint32_t> number_in(std::string_view name) {
  if (name.starts_with("gpu") || name.starts_with("npu")) name.remove_prefix(3);
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (name.empty() || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::uint32_t device_of(const topology::Rig& rig, const std::string& name) {
  for (std::size_t i = 0; i < rig.devices.size(); ++i) {
    if (rig.devices[i].name == name) return static_cast<std::uint32_t>(i);
  }
  const auto number = number_in(name);
  if (number && *number < rig.devices.size()) return *number;
  std::vector<std::string> known;
  for (const auto& device : rig.devices) known.push_back(device.name);
  throw std::invalid_argument(fmt::format("device {} is not in {}, which has {} to {}{}",
                                          configs::in_quotes(name), rig.name, known.front(),
                                          known.back(), configs::did_you_mean(name, known)));
}

topology::Rig without_peer_access(topology::Rig rig) {
  rig.peer_access.clear();
  return rig;
}

/// Whether a node runs on the document's device of this number.
struct RunsOn {
  std::uint32_t device;

  bool operator()(const workloads::ComputeNode& node) const { return node.device == device; }
  bool operator()(const workloads::TransferNode& node) const {
    return node.from == device || node.to == device;
  }
  bool operator()(const workloads::CollectiveNode& node) const {
    return std::ranges::find(node.devices, device) != node.devices.end();
  }
  bool operator()(const workloads::DelayNode&) const { return false; }
  bool operator()(const workloads::HostNode&) const { return false; }
};

/// `error` of the document's device of this number, as the fault of the first node that needs it.
[[noreturn]] void refuse_device(const OpGraphDocument& document, std::uint32_t device,
                                const std::invalid_argument& error) {
  for (std::uint32_t i = 0; i < document.nodes.size(); ++i)
    if (std::visit(RunsOn{device}, document.nodes[i].work)) throw NodeRefused(i, error.what());
  throw error;
}

std::vector<std::uint32_t> rig_devices(const OpGraphDocument& document, const topology::Rig& rig) {
  std::vector<std::uint32_t> devices;
  for (const std::string& name : document.devices) {
    const auto index = static_cast<std::uint32_t>(devices.size());
    try {
      devices.push_back(device_of(rig, name));
    } catch (const std::invalid_argument& error) {
      refuse_device(document, index, error);
    }
    const auto twin = std::find(devices.begin(), devices.end() - 1, devices.back());
    if (twin != devices.end() - 1) {
      refuse_device(document, index,
                    std::invalid_argument(fmt::format(
                        "devices {} and {} are both {} of {}",
                        configs::in_quotes(
                            document.devices[static_cast<std::size_t>(twin - devices.begin())]),
                        configs::in_quotes(name), rig.devices[devices.back()].name, rig.name)));
    }
  }
  return devices;
}

class Lowering {
 public:
  Lowering(const OpGraphDocument& document, const topology::Rig& rig,
           const topology::RigNetwork& network, const ReplayOptions& options)
      : document_(document),
        rig_(rig),
        priced_elsewhere_(priced_elsewhere(document, rig)),
        devices_(rig_devices(document, rig)),
        planner_(rig, network, options.contended),
        builder_(network.network()),
        copies_(network, builder_) {}

  ReplayGraph run() && {
    for (std::uint32_t i = 0; i < document_.nodes.size(); ++i) {
      at_ = i;
      try {
        std::visit([&](const auto& node) { add(node); }, document_.nodes[i].work);
      } catch (const std::invalid_argument& error) {
        refuse_node(error);
      } catch (const std::out_of_range& error) {  // beyond the clock
        refuse_node(error);
      }
    }
    for (std::uint32_t i = 0; i < document_.nodes.size(); ++i) {
      for (const std::uint32_t before : document_.nodes[i].after) {
        builder_.precede(spans_[before].last, spans_[i].first);
      }
    }
    return {std::move(builder_).compile(), std::move(ops_), std::move(routes_),
            std::move(devices_)};
  }

 private:
  /// The ops of a node: what waits for its predecessors, and what its successors wait for.
  struct Span {
    sim::OpId first;
    sim::OpId last;
  };

  [[noreturn]] void refuse_node(const std::exception& error) const {
    throw NodeRefused(at_, fmt::format("node {}: {}", configs::in_quotes(document_.nodes[at_].name),
                                       error.what()));
  }

  void add(const workloads::ComputeNode& node) {
    const std::uint32_t device = devices_[node.device];
    const bool given = node.duration.has_value();
    workloads::RooflineTime roof;
    if (!given || node.flops > 0 || node.bytes > sim::Bytes(0)) {
      roof = bound_of(node, rig_.devices[device].device, given);
    }
    const auto op =
        record(sim::Exclusive{stream(device, node.stream), node.duration.value_or(roof.time)},
               roof.memory_bound ? ReplayCause::kMemory : ReplayCause::kCompute,
               given ? "given" : "datasheet");
    spans_.push_back({op, op});
  }

  /// Where the duration is given, work only tells the bound, and need not be known of the device.
  static workloads::RooflineTime bound_of(const workloads::ComputeNode& node,
                                          const topology::Device& device, bool given) {
    if (!given) return roofline_time(node, device);
    try {
      return roofline_time(node, device);
    } catch (const std::invalid_argument&) {
      return {};
    }
  }

  void add(const workloads::TransferNode& node) {
    const topology::CopyRoute& copy =
        copy_between(place(node.from), place(node.to), node.staged ? staged_copies() : copies_);
    const auto op =
        record(sim::Transfer{copy.route, node.size}, ReplayCause::kTransfer, "datasheet");
    ops_.back().route = route_number(copy);
    slow_kernels(op, {place(node.from), place(node.to)});
    spans_.push_back({op, op});
  }

  void add(const workloads::DelayNode& node) {
    const auto op = record(sim::Delay{node.duration}, ReplayCause::kDelay, "given");
    spans_.push_back({op, op});
  }

  void add(const workloads::HostNode& node) {
    const auto op = record(sim::Exclusive{stream(kHostPlace, node.stream), node.duration},
                           ReplayCause::kHost, "given");
    spans_.push_back({op, op});
  }

  void add(const workloads::CollectiveNode& node) {
    const CollectiveWish wish = wish_of(node);
    const topology::CollectiveRequest& request = wish.request;
    const CollectivePlan& plan = planner_.plan(wish);
    if (!plan.as_flows) {
      const auto op = record(sim::Exclusive{group(request.devices), plan.alone},
                             ReplayCause::kCollective, plan.evidence);
      spans_.push_back({op, op});
      return;
    }
    const auto first = record(sim::Delay{plan.beyond}, ReplayCause::kCollective, plan.evidence);
    const std::vector<sim::OpId> done =
        plan.flows.empty() ? as_told(request, plan, first) : as_library(plan, first);
    const auto last = record(sim::Delay{}, ReplayCause::kCollective, plan.evidence);
    for (const sim::OpId op : done) builder_.precede(op, last);
    spans_.push_back({first, last});
  }

  /// A duration that was priced on another rig says nothing of this one, nor does what a library
  /// chose there.
  [[nodiscard]] CollectiveWish wish_of(const workloads::CollectiveNode& node) const {
    CollectiveWish wish{
        {node.kind, {}, node.size}, node.duration, node.algorithm, node.runner, node.launch,
        node.shares_links};
    for (const std::uint32_t device : node.devices) {
      wish.request.devices.push_back(devices_[device]);
    }
    if (node.duration && priced_elsewhere_) {
      wish.duration.reset();
      wish.algorithm.reset();
    }
    return wish;
  }

  std::vector<sim::OpId> as_told(const topology::CollectiveRequest& request,
                                 const CollectivePlan& plan, sim::OpId first) {
    const std::vector<sim::OpId> ready(request.devices.size(), first);
    auto done = topology::emit_collective(builder_, copies_, request, plan.algorithm,
                                          plan.granularity, ready, plan.options);
    ops_.resize(builder_.size(), {at_, ReplayCause::kCollective, plan.evidence, {}});
    return done;
  }

  std::vector<sim::OpId> as_library(const CollectivePlan& plan, sim::OpId first) {
    std::vector<sim::OpId> done;
    for (const LibraryFlow& flow : plan.flows) {
      const sim::RouteId route = copies_.between(flow.from, flow.to).route;
      done.push_back(
          record(sim::Transfer{route, flow.size}, ReplayCause::kCollective, plan.evidence));
      builder_.precede(first, done.back());
      slow_kernels(done.back(), {flow.from, flow.to});
    }
    return done;
  }

  /// What runs on these devices meanwhile takes longer.
  void slow_kernels(sim::OpId copy, std::initializer_list<std::uint32_t> places) {
    for (const std::uint32_t place : places) {
      if (place == kHostPlace || rig_.devices[place].device.compute_slowdown_under_copy == 0)
        continue;
      builder_.slow(copy, stream(place, kKernels));
    }
  }

  topology::CopyRoutes& staged_copies() {
    if (!staged_copies_) {
      staged_network_.emplace(without_peer_access(rig_));
      staged_copies_.emplace(*staged_network_, builder_);
    }
    return *staged_copies_;
  }

  static const topology::CopyRoute& copy_between(std::uint32_t from, std::uint32_t to,
                                                 topology::CopyRoutes& copies) {
    if (from == kHostPlace) return copies.host_to_device(to);
    if (to == kHostPlace) return copies.device_to_host(from);
    return copies.between(from, to);
  }

  std::uint32_t route_number(const topology::CopyRoute& copy) {
    const auto [found, is_new] =
        route_numbers_.try_emplace(copy.route, static_cast<std::uint32_t>(routes_.size()));
    if (is_new) {
      routes_.push_back({fmt::format("{}", fmt::join(copy.path.via, ", ")), copy.path.staged});
    }
    return found->second;
  }

  /// What holds a group of devices, in whatever order, for one collective at a time.
  sim::ResourceId group(std::vector<std::uint32_t> devices) {
    std::ranges::sort(devices);
    const auto [found, is_new] = groups_.try_emplace(std::move(devices));
    if (is_new) found->second = builder_.add_resource();
    return found->second;
  }

  [[nodiscard]] std::uint32_t place(std::uint32_t index) const {
    return index == kHostPlace ? kHostPlace : devices_[index];
  }

  sim::OpId record(const sim::Op& op, ReplayCause cause, std::string_view evidence) {
    ops_.push_back({at_, cause, evidence, {}});
    return builder_.add(op);
  }

  sim::ResourceId stream(std::uint32_t place, const std::string& name) {
    const auto [found, is_new] = streams_.try_emplace({place, name});
    if (!is_new) return found->second;
    found->second = builder_.add_resource();
    if (place != kHostPlace && name == kKernels) {
      builder_.set_slowdown(found->second, rig_.devices[place].device.compute_slowdown_under_copy);
    }
    return found->second;
  }

  const OpGraphDocument& document_;
  const topology::Rig& rig_;
  bool priced_elsewhere_;
  std::vector<std::uint32_t> devices_;  // [document's devices]
  CollectivePlanner planner_;
  sim::OpGraphBuilder builder_;
  topology::CopyRoutes copies_;
  std::optional<topology::RigNetwork> staged_network_;  // the same links; once it is needed
  std::optional<topology::CopyRoutes> staged_copies_;
  std::map<std::pair<std::uint32_t, std::string>, sim::ResourceId> streams_;
  std::map<std::vector<std::uint32_t>, sim::ResourceId> groups_;
  std::map<sim::RouteId, std::uint32_t> route_numbers_;  // in routes_
  std::vector<ReplayedRoute> routes_;
  std::vector<ReplayOp> ops_;
  std::vector<Span> spans_;  // [nodes]
  std::uint32_t at_ = 0;     // the node at hand
};

}  // namespace

ReplayGraph lower_replay(const OpGraphDocument& document, const topology::Rig& rig,
                         const topology::RigNetwork& network, const ReplayOptions& options) {
  return Lowering(document, rig, network, options).run();
}

}  // namespace rigsim::analysis
