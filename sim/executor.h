#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/critical_path.h"
#include "sim/event_queue.h"
#include "sim/flow_network.h"
#include "sim/ids.h"
#include "sim/observer.h"
#include "sim/op_graph.h"
#include "sim/slowed_work.h"
#include "sim/units.h"

namespace rigsim::sim {

/// Whether a run remembers what made each op start; `kNo` exists to measure what it costs.
enum class KeepPath : bool { kNo, kYes };

/// Runs an op graph; owns all memory that a run needs, so that running again allocates nothing (as
/// long as at most 4,096 transfers move at once; the first run with more makes room for them, and
/// for the ends that slowdowns move).
///
/// The order of events is total: by time, then in the order of scheduling. An op's end is scheduled
/// when the op starts; a transfer's, again, when its latency is over and it begins to move, and
/// keeps that place when its rate changes. Ops without predecessors start first, in the order of
/// their ids. An op whose resource a transfer slows likewise keeps its place when its end moves; at
/// the instant at which a transfer begins to move or arrives, the end moves before anything waits
/// or starts because of it. When an op finishes, its resource first goes to the op that has been
/// ready longest (ties: that became ready first in the order of events), then its successors that
/// are ready start or queue up, in the order of their `precede` calls.
class Executor {
 public:
  /// `graph` must outlive this.
  explicit Executor(const OpGraph& graph);

  /// Runs all ops from `start` on; returns when the last one finishes (`start` for an empty graph).
  /// Throws std::invalid_argument unless `costs` has one amount >= 0 per op, std::out_of_range when
  /// an op would finish beyond the clock's 106 days. An observer's exception passes through; the
  /// next run starts afresh.
  template <KeepPath keep = KeepPath::kYes>
  Time run(const Costs& costs, Time start = {}) {
    NoObserver none;
    return run<keep>(costs, start, none);
  }

  /// The same; calls `observer.op_started(OpId, Time)` and `observer.op_finished(OpId, Time)` in
  /// the order of events. `Obs` is `Observer` or any type with these functions.
  template <KeepPath keep = KeepPath::kYes, class Obs>
  Time run(const Costs& costs, Time start, Obs& observer);

  /// When `op` took its resource or began its delay or latency, in the last run. Throws
  /// std::out_of_range for an op that the graph does not have.
  [[nodiscard]] Time started(OpId op) const { return ops_.at(index_of(op)).started; }
  /// When `op` finished, in the last run. Throws as `started`.
  [[nodiscard]] Time finished(OpId op) const { return ops_.at(index_of(op)).finished; }

  /// What the last run's time went to: ops from the first to the last to finish, each beginning at
  /// the moment at which the one before it ended. Their times tile the run without gap or overlap.
  /// Where several causes coincide, the last one in the order of events counts. Empty for an empty
  /// graph. Throws std::logic_error unless the last run came to its end and kept the path.
  [[nodiscard]] std::vector<PathStep> critical_path() const;

  /// Bytes held for running, by capacity; the graph has its own.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t kNone = 0x7FFFFFFF;
  static constexpr std::uint32_t kFreedResource = 0x80000000;

  struct OpState {
    Time started;
    Time finished;
    std::uint32_t pending;  // predecessors that have not finished
    std::uint32_t link;     // waiting for a resource: the next in its queue; started: the cause
  };

  struct Resource {
    std::uint32_t first_waiting = kNone;
    std::uint32_t last_waiting = kNone;
    bool busy = false;
  };

  struct MovingTransfer {
    std::uint32_t op;
    std::uint32_t sequence;
  };

  using Queue = EventQueue<std::uint32_t, std::uint32_t>;  // at most two events per op: 32 bits do

  void begin(const Costs& costs, Time start);
  void enqueue(std::uint32_t resource, std::uint32_t op);
  [[nodiscard]] Time after(std::int64_t picoseconds) const;
  void start_moving(std::uint32_t op);
  bool flow_finishes_next();
  void collect_arrivals(Time at);

  // `slowdowns`: whether transfers slow resources; without, nothing of it is compiled in.
  template <KeepPath keep, bool slowdowns, class Obs>
  void run_all(Obs& observer);
  template <KeepPath keep, bool slowdowns, class Obs>
  void make_ready(std::uint32_t op, std::uint32_t cause, Obs& observer);
  template <KeepPath keep, bool slowdowns, class Obs>
  void start_op(std::uint32_t op, std::uint32_t cause, Obs& observer);
  template <KeepPath keep, bool slowdowns, class Obs>
  void finish_op(std::uint32_t op, Obs& observer);
  template <KeepPath keep, bool slowdowns, class Obs>
  void release(std::uint32_t resource, std::uint32_t by, Obs& observer);
  [[nodiscard]] bool has_moved(const Queue::Event& event) const;
  void start_work(std::uint32_t op);
  void copy_began(std::uint32_t transfer);
  void copy_ended(std::uint32_t transfer);

  const OpGraph* graph_;
  std::vector<OpState> ops_;
  std::vector<Resource> resources_;
  Queue queue_;
  FlowNetwork flows_;
  SlowedWork slowed_;
  std::vector<MovingTransfer> moving_;   // by flow
  std::vector<MovingTransfer> arrived_;  // those that finish now
  std::size_t next_arrived_ = 0;         // the first of them that was not handled yet
  // The current or last run.
  const std::int64_t* amount_ = nullptr;
  Time now_;
  std::uint32_t last_finished_ = kNone;
  bool path_kept_ = false;
};

template <KeepPath keep, class Obs>
Time Executor::run(const Costs& costs, Time start, Obs& observer) {
  begin(costs, start);
  if (graph_->slowed_resources().empty()) {
    run_all<keep, false>(observer);
  } else {
    run_all<keep, true>(observer);
  }
  path_kept_ = keep == KeepPath::kYes;
  return now_;
}

template <KeepPath keep, bool slowdowns, class Obs>
void Executor::run_all(Obs& observer) {
  const auto size = static_cast<std::uint32_t>(graph_->size());
  for (std::uint32_t op = 0; op < size; ++op) {
    if (graph_->in_degree(OpId{op}) == 0) make_ready<keep, slowdowns>(op, kNone, observer);
  }
  while (true) {
    if ((flows_.active() != 0 || next_arrived_ < arrived_.size()) && flow_finishes_next()) {
      finish_op<keep, slowdowns>(arrived_[next_arrived_++].op, observer);
    } else if (!queue_.empty()) {
      const Queue::Event event = queue_.pop();
      if constexpr (slowdowns) {
        if (has_moved(event)) continue;
      }
      now_ = event.time;
      const bool latency_over =
          graph_->kind(OpId{event.payload}) == OpKind::kTransfer && amount_[event.payload] > 0;
      if (latency_over) {
        start_moving(event.payload);
        if constexpr (slowdowns) copy_began(event.payload);
      } else {
        finish_op<keep, slowdowns>(event.payload, observer);
      }
    } else {
      break;
    }
  }
}

template <KeepPath keep, bool slowdowns, class Obs>
void Executor::make_ready(std::uint32_t op, std::uint32_t cause, Obs& observer) {
  if (graph_->kind(OpId{op}) == OpKind::kExclusive) {
    const std::uint32_t target = graph_->target(OpId{op});
    if (resources_[target].busy) {
      enqueue(target, op);
      return;
    }
    resources_[target].busy = true;
  }
  start_op<keep, slowdowns>(op, cause, observer);
}

template <KeepPath keep, bool slowdowns, class Obs>
void Executor::start_op(std::uint32_t op, std::uint32_t cause, Obs& observer) {
  OpState& state = ops_[op];
  state.started = now_;
  if constexpr (keep == KeepPath::kYes) state.link = cause;
  observer.op_started(OpId{op}, now_);
  if (graph_->kind(OpId{op}) == OpKind::kTransfer) {
    const RouteId route{graph_->target(OpId{op})};
    queue_.push(after(graph_->network().latency(route).count()), op);
    return;
  }
  if constexpr (slowdowns) {
    start_work(op);
  } else {
    queue_.push(after(amount_[op]), op);
  }
}

template <KeepPath keep, bool slowdowns, class Obs>
void Executor::finish_op(std::uint32_t op, Obs& observer) {
  ops_[op].finished = now_;
  last_finished_ = op;
  observer.op_finished(OpId{op}, now_);
  if constexpr (slowdowns) copy_ended(op);
  if (graph_->kind(OpId{op}) == OpKind::kExclusive) {
    release<keep, slowdowns>(graph_->target(OpId{op}), op, observer);
  }
  for (const OpId next : graph_->successors(OpId{op})) {
    if (--ops_[index_of(next)].pending == 0) {
      make_ready<keep, slowdowns>(index_of(next), op, observer);
    }
  }
}

template <KeepPath keep, bool slowdowns, class Obs>
void Executor::release(std::uint32_t resource, std::uint32_t by, Obs& observer) {
  Resource& freed = resources_[resource];
  if constexpr (slowdowns) slowed_.finish(resource);
  const std::uint32_t op = freed.first_waiting;
  if (op == kNone) {
    freed.busy = false;
    return;
  }
  freed.first_waiting = ops_[op].link;
  start_op<keep, slowdowns>(op, by | kFreedResource, observer);
}

// The two usual forms are compiled once, in executor.cc.
extern template Time Executor::run<KeepPath::kYes, NoObserver>(const Costs&, Time, NoObserver&);
extern template Time Executor::run<KeepPath::kYes, Observer>(const Costs&, Time, Observer&);

}  // namespace rigsim::sim
