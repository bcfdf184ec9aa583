#include "workloads/pass_overlap.h"

#include <algorithm>
#include <optional>

namespace rigsim::workloads {
namespace {

bool is_communication(const OpInfo& info) {
  return info.op_class == OpClass::kTransfer || info.op_class == OpClass::kExchange;
}

std::optional<std::uint32_t> device_at(std::uint32_t place) {
  return place == kHostPlace ? std::nullopt : std::optional(place);
}

/// When each micro-batch began, by number.
std::vector<sim::Time> begins_of(const PassGraph& pass, const sim::Executor& executor) {
  std::vector<sim::Time> begins;
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& info = pass.ops[i];
    if (info.op_class != OpClass::kKernel) continue;
    if (info.micro_batch >= begins.size()) begins.resize(info.micro_batch + 1, sim::Time::max());
    begins[info.micro_batch] = std::min(begins[info.micro_batch], executor.started(sim::OpId{i}));
  }
  return begins;
}

}  // namespace

Overlap overlap_of(const PassGraph& pass, const sim::Executor& executor, std::size_t device_count) {
  std::vector<bool> on_path(pass.ops.size());
  for (const auto& step : executor.critical_path()) on_path[sim::index_of(step.op)] = true;
  std::vector<DeviceWork> work;
  std::vector<DeviceCopy> copies;
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& info = pass.ops[i];
    const sim::Time begin = executor.started(sim::OpId{i});
    const sim::Time end = executor.finished(sim::OpId{i});
    if (info.op_class == OpClass::kKernel && info.place != kHostPlace) {
      work.push_back({info.place, begin, end});
    } else if (is_communication(info)) {
      copies.push_back({device_at(info.source), device_at(info.place), begin, end, on_path[i]});
    } else if (info.op_class == OpClass::kCollective) {
      const auto& devices = pass.collectives[info.collective.value()].request.devices;
      copies.push_back({devices.front(), devices.back(), begin, end, on_path[i]});
    }
  }
  return overlap_of(work, copies, device_count);
}

std::vector<StageBubble> bubbles_of(const PassGraph& pass, const sim::Costs& costs,
                                    sim::Duration makespan, std::size_t device_count) {
  const sim::OpGraph free = pass.graph.without_transfers();
  sim::Costs free_costs = costs;
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    const bool collective = pass.ops[i].op_class == OpClass::kCollective;
    if (collective || is_communication(pass.ops[i])) free_costs.amount[i] = 0;
  }
  sim::Executor executor(free);
  const sim::Duration free_makespan = executor.run(free_costs).time_since_epoch();
  const auto begins = begins_of(pass, executor);
  StageTimeline timeline(device_count);
  for (std::uint32_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& info = pass.ops[i];
    if (info.op_class != OpClass::kKernel || info.place == kHostPlace) continue;
    timeline.at(info.place)
        .push_back({executor.started(sim::OpId{i}), executor.finished(sim::OpId{i}),
                    begins[info.micro_batch]});
  }
  const auto by_time = [](const StageSpan& a, const StageSpan& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  };
  for (auto& stage : timeline) std::ranges::sort(stage, by_time);
  return explain_bubbles(timeline, free_makespan, makespan);
}

}  // namespace rigsim::workloads
