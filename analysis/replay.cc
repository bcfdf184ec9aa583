#include "analysis/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "analysis/intervals.h"
#include "analysis/replay_graph.h"
#include "configs/rig_digest.h"
#include "sim/executor.h"

namespace rigsim::analysis {
namespace {

using workloads::kHostPlace;
using workloads::OpGraphDocument;

bool is_communication(ReplayCause cause) {
  return cause == ReplayCause::kTransfer || cause == ReplayCause::kCollective;
}

/// The devices of the rig that a node keeps busy with communication.
std::vector<std::uint32_t> talkers(const workloads::NodeWork& work,
                                   const std::vector<std::uint32_t>& rig_device) {
  std::vector<std::uint32_t> devices;
  if (const auto* transfer = std::get_if<workloads::TransferNode>(&work)) {
    for (const std::uint32_t end : {transfer->from, transfer->to}) {
      if (end != kHostPlace) devices.push_back(rig_device[end]);
    }
  }
  if (const auto* collective = std::get_if<workloads::CollectiveNode>(&work)) {
    for (const std::uint32_t device : collective->devices) devices.push_back(rig_device[device]);
  }
  return devices;
}

/// Gathers what a finished run shows.
class Reading {
 public:
  Reading(const OpGraphDocument& document, const topology::Rig& rig,
          const topology::RigNetwork& network, const ReplayGraph& lowered,
          const sim::Executor& executor)
      : document_(document), rig_(rig), network_(network), lowered_(lowered), executor_(executor) {}

  Replay read(sim::Time end) {
    result_.rig = rig_.name;
    result_.evidence = "given";
    result_.makespan = end - sim::Time{};
    result_.rig_device = lowered_.rig_device;
    result_.routes = lowered_.routes;
    read_nodes();
    read_critical_path();
    read_devices();
    read_links();
    return std::move(result_);
  }

 private:
  void read_nodes() {
    result_.nodes.resize(document_.nodes.size());
    std::vector<bool> seen(document_.nodes.size());
    for (std::uint32_t i = 0; i < lowered_.ops.size(); ++i) {
      const ReplayOp& op = lowered_.ops[i];
      ReplayedNode& node = result_.nodes[op.node];
      const sim::Time start = executor_.started(sim::OpId{i});
      node.start = seen[op.node] ? std::min(node.start, start) : start;
      node.end = std::max(node.end, executor_.finished(sim::OpId{i}));
      node.cause = op.cause;
      node.evidence = op.evidence;
      seen[op.node] = true;
      node.route = op.route;
    }
  }

  void read_critical_path() {
    for (const sim::PathStep& step : executor_.critical_path()) {
      const ReplayOp& op = lowered_.ops[sim::index_of(step.op)];
      result_.nodes[op.node].on_critical_path = true;
      result_.critical_path[static_cast<std::size_t>(op.cause)] += step.end - step.start;
      if (step.end > step.start) add_evidence(op.evidence);
    }
  }

  /// The weakest counts: an answer is as good as what it rests on.
  void add_evidence(std::string_view evidence) {
    constexpr std::array<std::string_view, 4> kStrongestFirst{"given", "measured", "fitted",
                                                              "datasheet"};
    const auto rank = [&](std::string_view name) {
      return std::find(kStrongestFirst.begin(), kStrongestFirst.end(), name);
    };
    if (rank(result_.evidence) < rank(evidence)) result_.evidence = evidence;
  }

  void read_devices() {
    const std::size_t count = rig_.devices.size();
    std::vector<Intervals> busy(count);
    std::vector<Intervals> compute(count);
    std::vector<Intervals> talking(count);
    Intervals anyone_talks;
    Intervals host;
    for (std::size_t i = 0; i < document_.nodes.size(); ++i) {
      const ReplayedNode& node = result_.nodes[i];
      const Interval when{node.start, node.end};
      if (const auto* work = std::get_if<workloads::ComputeNode>(&document_.nodes[i].work)) {
        const std::uint32_t device = lowered_.rig_device[work->device];
        busy[device].push_back(when);
        if (node.cause == ReplayCause::kCompute) compute[device].push_back(when);
      } else if (is_communication(node.cause)) {
        anyone_talks.push_back(when);
        for (const std::uint32_t device : talkers(document_.nodes[i].work, lowered_.rig_device)) {
          talking[device].push_back(when);
        }
      } else {
        host.push_back(when);
      }
    }
    host = merged(std::move(host));
    for (std::size_t d = 0; d < count; ++d) {
      result_.devices.push_back(device_of(rig_.devices[d].name, merged(std::move(busy[d])),
                                          merged(std::move(compute[d])),
                                          merged(std::move(talking[d])), host));
    }
    for (const ReplayCause cause : {ReplayCause::kTransfer, ReplayCause::kCollective}) {
      result_.exposed += result_.critical_path[static_cast<std::size_t>(cause)];
    }
    result_.hidden = length(merged(std::move(anyone_talks))) - result_.exposed;
  }

  [[nodiscard]] ReplayedDevice device_of(const std::string& name, const Intervals& busy,
                                         const Intervals& compute, const Intervals& talking,
                                         const Intervals& host) const {
    ReplayedDevice device;
    device.name = name;
    device.busy = length(busy);
    device.compute_bound = length(compute);
    device.idle = result_.makespan - device.busy;
    device.hidden = length(both(talking, busy));
    device.exposed = length(talking) - device.hidden;
    Intervals occupied = busy;
    occupied.insert(occupied.end(), talking.begin(), talking.end());
    device.waiting_for_host = length_without(host, merged(std::move(occupied)));
    return device;
  }

  void read_links() {
    const sim::Network& network = lowered_.graph.network();
    std::vector<Intervals> busy(network.link_count());
    for (std::uint32_t i = 0; i < network.link_count(); ++i) {
      const sim::LinkId link{i};
      result_.links.push_back(
          {std::string(network_.name(link)), network.link(link).capacity, 0, {}});
    }
    for (std::uint32_t i = 0; i < lowered_.ops.size(); ++i) {
      const auto route = lowered_.graph.route(sim::OpId{i});
      if (!route) continue;
      const Interval when{executor_.started(sim::OpId{i}), executor_.finished(sim::OpId{i})};
      for (const sim::LinkId link : network.links(*route)) {
        busy[sim::index_of(link)].push_back(when);
        result_.links[sim::index_of(link)].bytes +=
            static_cast<double>(lowered_.graph.costs().amount[i]);
      }
    }
    for (std::size_t i = 0; i < busy.size(); ++i) {
      result_.links[i].busy = length(merged(std::move(busy[i])));
    }
  }

  const OpGraphDocument& document_;
  const topology::Rig& rig_;
  const topology::RigNetwork& network_;
  const ReplayGraph& lowered_;
  const sim::Executor& executor_;
  Replay result_;
};

sim::Time run(sim::Executor& executor, const sim::OpGraph& graph) {
  try {
    return executor.run(graph.costs());
  } catch (const std::out_of_range& error) {
    throw std::invalid_argument(fmt::format("the run is too long: {}", error.what()));
  }
}

}  // namespace

std::string_view to_string(ReplayCause cause) {
  switch (cause) {
    case ReplayCause::kCompute:
      return "compute";
    case ReplayCause::kMemory:
      return "memory";
    case ReplayCause::kTransfer:
      return "transfer";
    case ReplayCause::kCollective:
      return "collective";
    case ReplayCause::kHost:
      return "host";
    case ReplayCause::kDelay:
      return "delay";
  }
  throw std::logic_error("unknown cause");
}

bool priced_elsewhere(const OpGraphDocument& document, const topology::Rig& rig) {
  return document.priced_on && document.priced_on->digest != configs::priced_on(rig).digest;
}

Replay replay(const OpGraphDocument& document, const topology::Rig& rig,
              const ReplayOptions& options) {
  validate(document);
  const topology::RigNetwork network(rig);
  const ReplayGraph lowered = lower_replay(document, rig, network, options);
  sim::Executor executor(lowered.graph);
  const sim::Time end = run(executor, lowered.graph);
  Replay result = Reading(document, rig, network, lowered, executor).read(end);
  result.contended = options.contended;
  result.priced_elsewhere = priced_elsewhere(document, rig);
  return result;
}

}  // namespace rigsim::analysis
