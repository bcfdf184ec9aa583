#include "analysis/replay_trace.h"

#include <string>

namespace rigsim::analysis {
namespace {

using workloads::OpGraphDocument;

std::string_view kind_of(ReplayCause cause) {
  switch (cause) {
    case ReplayCause::kCompute:
    case ReplayCause::kMemory:
      return "kernel";
    case ReplayCause::kTransfer:
    case ReplayCause::kCollective:
      return "transfer";
    case ReplayCause::kHost:
    case ReplayCause::kDelay:
      break;
  }
  return "host";
}

std::string_view bound_of(ReplayCause cause) {
  if (cause == ReplayCause::kMemory) return "memory";
  if (cause == ReplayCause::kCompute) return "compute";
  return kind_of(cause) == "transfer" ? "link" : "host";
}

std::string_view name_of(const Replay& replay, std::uint32_t place) {
  if (place == workloads::kHostPlace) return "host";
  return replay.devices[replay.rig_device[place]].name;
}

/// Fills in what is particular to each kind of node.
struct RowFiller {
  const Replay& replay;
  OpRow& row;
  std::string& track;

  void operator()(const workloads::ComputeNode& node) const {
    row.device = name_of(replay, node.device);
    track = std::string(row.device) + (node.stream == "compute" ? "" : " " + node.stream);
    row.flops = sim::Flops(node.flops);
    row.bytes = node.bytes;
  }
  void operator()(const workloads::TransferNode& node) const { row.bytes = node.size; }
  void operator()(const workloads::CollectiveNode& node) const {
    row.bytes = node.size;
    track = topology::to_string(node.kind);
  }
  void operator()(const workloads::DelayNode&) const { track = "delay"; }
  void operator()(const workloads::HostNode& node) const {
    row.device = "host";
    track = node.stream == "cpu" ? "host" : "host " + node.stream;
  }
};

void append_node(TraceFile& file, const Replay& replay, const OpGraphDocument& document,
                 std::size_t i, std::uint32_t step) {
  const ReplayedNode& node = replay.nodes[i];
  const workloads::GraphNode& source = document.nodes[i];
  std::string track = node.route ? replay.routes[*node.route].links : std::string();
  OpRow row;
  row.rig = replay.rig;
  row.start = node.start;
  row.duration = node.end - node.start;
  row.kind = kind_of(node.cause);
  row.name = source.name;
  row.step = step;
  row.bound = bound_of(node.cause);
  row.evidence = node.evidence;
  row.on_critical_path = node.on_critical_path;
  std::visit(RowFiller{replay, row, track}, source.work);
  row.track = track;
  file.append(row);
  const auto* transfer = std::get_if<workloads::TransferNode>(&source.work);
  if (transfer == nullptr || !node.route) return;
  const ReplayedRoute& route = replay.routes[*node.route];
  file.append(TransferRow{replay.rig, node.start, row.duration, name_of(replay, transfer->from),
                          name_of(replay, transfer->to), transfer->size, route.links, route.staged,
                          step});
}

void append_occupancy(TraceFile& file, const Replay& replay) {
  const double total = sim::to_seconds(replay.makespan);
  const auto share = [&](double part) { return total > 0 ? part / total : 0; };
  for (const ReplayedDevice& d : replay.devices) {
    const double busy = sim::to_seconds(d.busy);
    const sim::Duration bubble = d.idle - d.exposed - d.waiting_for_host;
    file.append(DeviceOccupancyRow{
        replay.rig, d.name, busy, total, share(busy), sim::to_seconds(d.compute_bound),
        sim::to_seconds(d.busy - d.compute_bound), sim::to_seconds(d.exposed), 0,
        sim::to_seconds(bubble), sim::to_seconds(d.waiting_for_host)});
  }
  for (const ReplayedLink& l : replay.links) {
    const double busy = sim::to_seconds(l.busy);
    file.append(LinkOccupancyRow{replay.rig, l.name, busy, total, share(busy)});
  }
}

void append_summary(TraceFile& file, const Replay& replay) {
  const auto put = [&](const std::string& figure, sim::Duration time) {
    const double value = sim::to_seconds(time);
    file.append(SummaryRow{replay.rig, figure, value, value, value, "s", replay.evidence});
  };
  put("makespan", replay.makespan);
  put("exposed_communication", replay.exposed);
  put("hidden_communication", replay.hidden);
  for (const ReplayCause cause : kReplayCauses) {
    put("critical_path." + std::string(to_string(cause)),
        replay.critical_path[static_cast<std::size_t>(cause)]);
  }
}

}  // namespace

void write_trace(TraceFile& file, const Replay& replay, const OpGraphDocument& document) {
  StepRow step;
  step.rig = replay.rig;
  step.duration = replay.makespan;
  step.phase = "replay";
  step.batch = 1;
  const std::uint32_t number = file.append(step);
  for (std::size_t i = 0; i < document.nodes.size(); ++i) {
    append_node(file, replay, document, i, number);
  }
  append_occupancy(file, replay);
  append_summary(file, replay);
}

}  // namespace rigsim::analysis
