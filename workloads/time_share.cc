#include "workloads/time_share.h"

#include <algorithm>

namespace rigsim::workloads {
namespace {

enum class PathCause { kLink, kHost, kOther };

struct Interval {
  std::int64_t begin;  // ps
  std::int64_t end;
  PathCause cause;
};

PathCause cause_of(OpClass op_class) {
  switch (op_class) {
    case OpClass::kTransfer:
      return PathCause::kLink;
    case OpClass::kKernel:
      return PathCause::kOther;
    case OpClass::kSync:
    case OpClass::kSubmit:
    case OpClass::kHostStep:
      return PathCause::kHost;
  }
  return PathCause::kOther;
}

double seconds(std::int64_t ps) { return static_cast<double>(ps) * 1e-12; }

/// Adds `ps` of a kernel: its launch share first, the rest to its bound.
void add_kernel(TimeShare& share, const KernelCost& cost, std::int64_t ps) {
  const std::int64_t launch = std::min(ps, cost.launch.count());
  share.launch_s += seconds(launch);
  (cost.bound == Bound::kCompute ? share.compute_s : share.memory_s) += seconds(ps - launch);
}

void add_idle(TimeShare& share, PathCause cause, std::int64_t ps) {
  switch (cause) {
    case PathCause::kLink:
      share.link_s += seconds(ps);
      break;
    case PathCause::kHost:
      share.host_s += seconds(ps);
      break;
    case PathCause::kOther:
      share.bubble_s += seconds(ps);
      break;
  }
}

/// Splits the gaps between `busy` intervals by what the path was doing meanwhile.
void add_gaps(TimeShare& share, const std::vector<Interval>& path,
              const std::vector<Interval>& busy) {
  std::size_t b = 0;
  for (const Interval& step : path) {
    std::int64_t now = step.begin;
    while (now < step.end) {
      while (b < busy.size() && busy[b].end <= now) ++b;
      const bool in_busy = b < busy.size() && busy[b].begin <= now;
      const std::int64_t next = b == busy.size() ? step.end : in_busy ? busy[b].end : busy[b].begin;
      const std::int64_t until = std::min(step.end, next);
      if (!in_busy) add_idle(share, step.cause, until - now);
      now = until;
    }
  }
}

}  // namespace

TimeShare& TimeShare::operator+=(const TimeShare& other) {
  compute_s += other.compute_s;
  memory_s += other.memory_s;
  link_s += other.link_s;
  launch_s += other.launch_s;
  bubble_s += other.bubble_s;
  host_s += other.host_s;
  return *this;
}

TimeShare TimeShare::scaled(double factor) const {
  return {compute_s * factor, memory_s * factor, link_s * factor,
          launch_s * factor,  bubble_s * factor, host_s * factor};
}

PassTimes attribute(const PassGraph& pass, const sim::Executor& executor,
                    std::size_t device_count) {
  PassTimes times;
  times.devices.resize(device_count);
  std::vector<Interval> path;
  for (const auto& step : executor.critical_path()) {
    const OpInfo& info = pass.ops[static_cast<std::size_t>(step.op)];
    const std::int64_t length = (step.end - step.start).count();
    path.push_back({step.start.time_since_epoch().count(), step.end.time_since_epoch().count(),
                    cause_of(info.op_class)});
    if (info.op_class == OpClass::kKernel) {
      add_kernel(times.critical_path, info.cost, length);
    } else {
      add_idle(times.critical_path, path.back().cause, length);
    }
  }
  std::vector<std::vector<Interval>> busy(device_count);
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& info = pass.ops[i];
    if (info.op_class != OpClass::kKernel || info.place == kHostPlace) continue;
    const auto begin = executor.started(sim::OpId(i)).time_since_epoch().count();
    const auto end = executor.finished(sim::OpId(i)).time_since_epoch().count();
    busy[info.place].push_back({begin, end, PathCause::kOther});
    add_kernel(times.devices[info.place], info.cost, end - begin);
  }
  for (std::size_t device = 0; device < device_count; ++device) {
    std::sort(busy[device].begin(), busy[device].end(),
              [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
    add_gaps(times.devices[device], path, busy[device]);
  }
  return times;
}

}  // namespace rigsim::workloads
