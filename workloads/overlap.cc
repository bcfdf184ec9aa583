#include "workloads/overlap.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace rigsim::workloads {
namespace {

struct Interval {
  sim::Time begin;
  sim::Time end;
};
using Intervals = std::vector<Interval>;

void check(std::optional<std::uint32_t> device, sim::Time begin, sim::Time end,
           std::size_t devices) {
  if (device && *device >= devices) {
    throw std::invalid_argument(
        fmt::format("device {} does not exist, there are {}", *device, devices));
  }
  if (end < begin) {
    throw std::invalid_argument(fmt::format("work or copy from {} to {} ps ends before it begins",
                                            begin.time_since_epoch().count(),
                                            end.time_since_epoch().count()));
  }
}

/// The same moments as intervals that are in order and apart.
Intervals united(Intervals intervals) {
  std::ranges::sort(intervals, {}, &Interval::begin);
  Intervals result;
  for (const Interval& next : intervals) {
    if (next.begin == next.end) continue;
    if (!result.empty() && next.begin <= result.back().end) {
      result.back().end = std::max(result.back().end, next.end);
    } else {
      result.push_back(next);
    }
  }
  return result;
}

sim::Duration length(const Intervals& intervals) {
  sim::Duration sum{};
  for (const Interval& each : intervals) sum += each.end - each.begin;
  return sum;
}

/// Appends the parts of `intervals` (in order and apart) inside `window`.
void append_inside(const Intervals& intervals, const Interval& window, Intervals& parts) {
  auto at = std::ranges::upper_bound(intervals, window.begin, {}, &Interval::end);
  for (; at != intervals.end() && at->begin < window.end; ++at) {
    parts.push_back({std::max(at->begin, window.begin), std::min(at->end, window.end)});
  }
}

sim::Duration hidden_part(const DeviceCopy& copy, const std::vector<Intervals>& computing) {
  Intervals parts;
  if (copy.source) append_inside(computing[*copy.source], {copy.begin, copy.end}, parts);
  if (copy.destination) append_inside(computing[*copy.destination], {copy.begin, copy.end}, parts);
  return length(united(std::move(parts)));
}

}  // namespace

Overlap& Overlap::operator+=(const Overlap& other) {
  copies += other.copies;
  hidden += other.hidden;
  exposed += other.exposed;
  if (devices.size() < other.devices.size()) devices.resize(other.devices.size());
  for (std::size_t i = 0; i < other.devices.size(); ++i) {
    devices[i].computing += other.devices[i].computing;
    devices[i].copying += other.devices[i].copying;
    devices[i].both += other.devices[i].both;
  }
  return *this;
}

Overlap overlap_of(std::span<const DeviceWork> work, std::span<const DeviceCopy> copies,
                   std::size_t device_count) {
  std::vector<Intervals> computing(device_count);
  std::vector<Intervals> copying(device_count);
  for (const DeviceWork& each : work) {
    check(each.device, each.begin, each.end, device_count);
    computing[each.device].push_back({each.begin, each.end});
  }
  for (const DeviceCopy& copy : copies) {
    check(copy.source, copy.begin, copy.end, device_count);
    check(copy.destination, copy.begin, copy.end, device_count);
    if (copy.source) copying[*copy.source].push_back({copy.begin, copy.end});
    if (copy.destination) copying[*copy.destination].push_back({copy.begin, copy.end});
  }
  Overlap overlap;
  for (std::size_t device = 0; device < device_count; ++device) {
    computing[device] = united(std::move(computing[device]));
    copying[device] = united(std::move(copying[device]));
    Intervals both;
    for (const Interval& window : copying[device]) append_inside(computing[device], window, both);
    overlap.devices.push_back({length(computing[device]), length(copying[device]), length(both)});
  }
  for (const DeviceCopy& copy : copies) {
    overlap.copies += copy.end - copy.begin;
    overlap.hidden += hidden_part(copy, computing);
    if (copy.on_critical_path) overlap.exposed += copy.end - copy.begin;
  }
  return overlap;
}

}  // namespace rigsim::workloads
