#include "workloads/time_share.h"

#include <algorithm>
#include <numeric>

namespace rigsim::workloads {
namespace {

enum class PathCause { kLink, kHost, kLaunch, kOther };

struct Interval {
  std::int64_t begin;  // ps
  std::int64_t end;
  PathCause cause;
};

PathCause cause_of(const OpInfo& info) {
  switch (info.op_class) {
    case OpClass::kTransfer:
    case OpClass::kExchange:
    case OpClass::kCollective:
      return PathCause::kLink;
    case OpClass::kKernel:  // a device that waits for layers on the host's CPU waits for the host
      return info.place == kHostPlace ? PathCause::kHost : PathCause::kOther;
    case OpClass::kHandover:
    case OpClass::kSync:
    case OpClass::kHostStep:
      return PathCause::kHost;
    case OpClass::kSubmit:
      return PathCause::kLaunch;
  }
  return PathCause::kOther;
}

/// A TimeShare in whole picoseconds, so that its sum is exact.
struct Ticks {
  std::int64_t compute = 0;
  std::int64_t memory = 0;
  std::int64_t link = 0;
  std::int64_t launch = 0;
  std::int64_t bubble = 0;
  std::int64_t host = 0;

  [[nodiscard]] TimeShare seconds() const {
    const auto s = [](std::int64_t ps) { return sim::to_seconds(sim::Duration(ps)); };
    return {s(compute), s(memory), s(link), s(launch), s(bubble), s(host)};
  }
};

/// Of `ps` of an op, what lies `before` them left out: launch, which comes first.
std::int64_t launch_of(const KernelCost& cost, std::int64_t before, std::int64_t ps) {
  return std::clamp<std::int64_t>(cost.launch.count() - before, 0, ps);
}

/// Adds `ps` of a kernel, what lies `before` them left out: its launch share first, the rest to its
/// bound.
void add_kernel(Ticks& share, const KernelCost& cost, std::int64_t before, std::int64_t ps) {
  const std::int64_t launch = launch_of(cost, before, ps);
  share.launch += launch;
  (cost.bound == Bound::kCompute ? share.compute : share.memory) += ps - launch;
}

void add_idle(Ticks& share, PathCause cause, std::int64_t ps) {
  switch (cause) {
    case PathCause::kLink:
      share.link += ps;
      break;
    case PathCause::kHost:
    case PathCause::kLaunch:
      share.host += ps;
      break;
    case PathCause::kOther:
      share.bubble += ps;
      break;
  }
}

/// As idle time, but what the path waits for a launch is launch.
void add_waited(Ticks& share, PathCause cause, std::int64_t ps) {
  if (cause == PathCause::kLaunch) {
    share.launch += ps;
  } else {
    add_idle(share, cause, ps);
  }
}

/// Appends `next`, if it has a length, or lengthens the last interval where `next` continues it.
void append(std::vector<Interval>& intervals, const Interval& next) {
  if (next.begin == next.end) return;
  if (!intervals.empty() && intervals.back().end == next.begin &&
      intervals.back().cause == next.cause) {
    intervals.back().end = next.end;
  } else {
    intervals.push_back(next);
  }
}

/// The part of an op that lies in the window: how much of it is left out, and its length.
struct Clipped {
  sim::Time begin;
  sim::Time end;
  std::int64_t before = 0;

  Clipped(const PassWindow& window, sim::Time from, sim::Time to)
      : begin(std::clamp(from, window.begin, window.end)),
        end(std::clamp(to, window.begin, window.end)),
        before((begin - from).count()) {}

  [[nodiscard]] std::int64_t length() const { return (end - begin).count(); }
  [[nodiscard]] Interval interval(PathCause cause) const {
    return {begin.time_since_epoch().count(), end.time_since_epoch().count(), cause};
  }
};

bool is_attention(const PassGraph& pass, sim::OpId op) {
  return std::ranges::binary_search(pass.attention, static_cast<std::uint32_t>(op));
}

/// What the pass waited for, in order; its times are added to `share`, those of attention to
/// `attention`, too.
std::vector<Interval> path_of(const PassGraph& pass, const sim::Executor& executor,
                              const PassWindow& window, Ticks& share, Ticks& attention) {
  std::vector<Interval> path;
  for (const auto& step : executor.critical_path()) {
    const OpInfo& info = pass.ops[static_cast<std::size_t>(step.op)];
    const PathCause cause = cause_of(info);
    const Clipped part(window, step.start, step.end);
    const std::int64_t length = part.length();
    if (step.end <= window.begin) continue;
    if (info.op_class == OpClass::kKernel) {
      append(path, part.interval(cause));
      add_kernel(share, info.cost, part.before, length);
      if (is_attention(pass, step.op)) add_kernel(attention, info.cost, part.before, length);
      continue;
    }
    const std::int64_t launch = launch_of(info.cost, part.before, length);
    const Interval whole = part.interval(cause);
    append(path, {whole.begin, whole.begin + launch, PathCause::kLaunch});
    append(path, {whole.begin + launch, whole.end, cause});
    add_waited(share, PathCause::kLaunch, launch);
    add_waited(share, cause, length - launch);
  }
  return path;
}

/// Which layers of the cost model priced the kernels that the pass waited for.
EvidenceShare evidence_of(const PassGraph& pass, const sim::Executor& executor,
                          const PassWindow& window) {
  EvidenceShare share;
  for (const auto& step : executor.critical_path()) {
    const OpInfo& info = pass.ops[static_cast<std::size_t>(step.op)];
    if (info.op_class == OpClass::kKernel || info.op_class == OpClass::kCollective)
      share.add(info.cost.evidence,
                sim::to_seconds(sim::Duration(Clipped(window, step.start, step.end).length())));
  }
  return share;
}

/// When each device worked, in order; its kernels' times are added to `shares`.
std::vector<std::vector<Interval>> busy_times(const PassGraph& pass, const sim::Executor& executor,
                                              const PassWindow& window,
                                              std::vector<Ticks>& shares) {
  std::vector<std::vector<Interval>> busy(shares.size());
  for (std::size_t i = 0; i < pass.ops.size(); ++i) {
    const OpInfo& info = pass.ops[i];
    if (info.op_class != OpClass::kKernel || info.place == kHostPlace) continue;
    const Clipped part(window, executor.started(sim::OpId(i)), executor.finished(sim::OpId(i)));
    if (executor.finished(sim::OpId(i)) <= window.begin) continue;
    append(busy[info.place], part.interval(PathCause::kOther));
    add_kernel(shares[info.place], info.cost, part.before, part.length());
  }
  for (auto& device : busy)
    std::sort(device.begin(), device.end(),
              [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  return busy;
}

/// Splits the gaps between `busy` intervals by what the path was doing meanwhile.
void add_gaps(Ticks& share, const std::vector<Interval>& path, const std::vector<Interval>& busy) {
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

EvidenceShare& EvidenceShare::operator+=(const EvidenceShare& other) {
  for (std::size_t i = 0; i < seconds_.size(); ++i) seconds_[i] += other.seconds_[i];
  return *this;
}

EvidenceShare EvidenceShare::scaled(double factor) const {
  EvidenceShare result = *this;
  for (double& seconds : result.seconds_) seconds *= factor;
  return result;
}

Evidence EvidenceShare::weakest_large() const {
  const double total = std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
  for (const Evidence evidence : {Evidence::kDatasheet, Evidence::kFitted}) {
    const double seconds = seconds_[static_cast<std::size_t>(evidence)];
    if (seconds > 0 && seconds >= kLarge * total) return evidence;
  }
  return Evidence::kMeasured;
}

PassTimes attribute(const PassGraph& pass, const sim::Executor& executor, std::size_t device_count,
                    sim::Time start) {
  const PassWindow window = window_of(pass, executor, start);
  Ticks path_share, attention;
  std::vector<Ticks> shares(device_count);
  const auto path = path_of(pass, executor, window, path_share, attention);
  const auto busy = busy_times(pass, executor, window, shares);
  PassTimes times;
  times.critical_path = path_share.seconds();
  times.attention = attention.seconds();
  times.evidence = evidence_of(pass, executor, window);
  for (std::size_t device = 0; device < device_count; ++device) {
    add_gaps(shares[device], path, busy[device]);
    times.devices.push_back(shares[device].seconds());
  }
  return times;
}

}  // namespace rigsim::workloads
