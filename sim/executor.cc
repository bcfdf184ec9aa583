#include "sim/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace rigsim::sim {

template Time Executor::run<KeepPath::kYes, NoObserver>(const Costs&, Time, NoObserver&);
template Time Executor::run<KeepPath::kYes, Observer>(const Costs&, Time, Observer&);

Executor::Executor(const OpGraph& graph)
    : graph_(&graph),
      ops_(graph.size()),
      resources_(graph.resource_count()),
      flows_(graph.network()),
      slowed_(graph.resource_count(), graph.slowed_resources()) {
  std::size_t delays = 0;
  std::size_t kernels = 0;
  std::vector<RouteId> transfers;
  for (std::uint32_t op = 0; op < graph.size(); ++op) {
    if (graph.kind(OpId{op}) == OpKind::kDelay) ++delays;
    if (graph.kind(OpId{op}) == OpKind::kExclusive) ++kernels;
    if (const auto route = graph.route(OpId{op})) transfers.push_back(*route);
  }
  // An op has one event waiting at most, a resource runs one op at a time.
  queue_.reserve(delays + transfers.size() + std::min(kernels, graph.resource_count()));
  flows_.reserve(transfers);
  moving_.reserve(std::min(transfers.size(), FlowNetwork::kReservedFlows));
  arrived_.reserve(moving_.capacity());
}

void Executor::begin(const Costs& costs, Time start) {
  path_kept_ = false;
  if (costs.amount.size() != graph_->size()) {
    throw std::invalid_argument(fmt::format("{} costs for {} ops: one per op is needed",
                                            costs.amount.size(), graph_->size()));
  }
  const auto negative = std::ranges::find_if(costs.amount, [](std::int64_t a) { return a < 0; });
  if (negative != costs.amount.end()) {
    throw std::invalid_argument(fmt::format("op {}: cost must be >= 0, got {}",
                                            negative - costs.amount.begin(), *negative));
  }
  for (std::uint32_t op = 0; op < ops_.size(); ++op) {
    ops_[op].pending = graph_->in_degree(OpId{op});
  }
  std::ranges::fill(resources_, Resource{});
  queue_.clear();
  flows_.reset(start);
  slowed_.reset();
  arrived_.clear();
  next_arrived_ = 0;
  amount_ = costs.amount.data();
  now_ = start;
  last_finished_ = kNone;
}

void Executor::enqueue(std::uint32_t resource, std::uint32_t op) {
  Resource& busy = resources_[resource];
  ops_[op].link = kNone;
  if (busy.first_waiting == kNone) {
    busy.first_waiting = op;
  } else {
    ops_[busy.last_waiting].link = op;
  }
  busy.last_waiting = op;
}

Time Executor::after(std::int64_t picoseconds) const {
  if (now_ > Time{} && picoseconds > (Time::max() - Duration(1) - now_).count()) {
    throw std::out_of_range("an op finishes beyond the clock's range of 106 days");
  }
  return now_ + Duration(picoseconds);
}

void Executor::start_moving(std::uint32_t op) {
  const RouteId route{graph_->target(OpId{op})};
  const FlowId flow = flows_.start(route, Bytes(amount_[op]), now_);
  if (index_of(flow) >= moving_.size()) moving_.resize(index_of(flow) + 1);
  moving_[index_of(flow)] = {op, queue_.take_sequence()};
}

// An end that was scheduled before the speed of its resource changed.
bool Executor::has_moved(const Queue::Event& event) const {
  const OpId op{event.payload};
  if (graph_->kind(op) != OpKind::kExclusive) return false;
  const std::uint32_t resource = graph_->target(op);
  return slowed_.watches(resource) && !slowed_.ends(resource, event.payload, event.time);
}

void Executor::start_work(std::uint32_t op) {
  const std::uint32_t resource = graph_->target(OpId{op});
  if (graph_->kind(OpId{op}) != OpKind::kExclusive || !slowed_.watches(resource)) {
    queue_.push(after(amount_[op]), op);
    return;
  }
  const std::uint32_t sequence = queue_.take_sequence();
  queue_.push(slowed_.begin(resource, op, amount_[op], sequence, now_), sequence, op);
}

void Executor::copy_began(std::uint32_t transfer) {
  for (const Slowing& slowing : graph_->slowed_by(OpId{transfer})) {
    const auto end = slowed_.copy_began(index_of(slowing.resource), now_);
    if (end) queue_.push(end->time, end->sequence, end->op);
  }
}

void Executor::copy_ended(std::uint32_t transfer) {
  if (graph_->kind(OpId{transfer}) != OpKind::kTransfer || amount_[transfer] == 0) return;
  for (const Slowing& slowing : graph_->slowed_by(OpId{transfer})) {
    const auto end = slowed_.copy_ended(index_of(slowing.resource), now_);
    if (end) queue_.push(end->time, end->sequence, end->op);
  }
}

// Whether the next event is that a transfer arrives; if so it is the next of arrived_, at now_.
bool Executor::flow_finishes_next() {
  const bool none_arrived = next_arrived_ == arrived_.size();
  if (none_arrived) {
    if (!queue_.empty() && queue_.top().time == now_) return false;
    const Time next = *flows_.next_completion();
    if (!queue_.empty() && queue_.top().time < next) return false;
    collect_arrivals(next);
  }
  return queue_.empty() || queue_.top().time > now_ ||
         queue_.top().sequence > arrived_[next_arrived_].sequence;
}

void Executor::collect_arrivals(Time at) {
  if (at == Time::max()) {
    throw std::out_of_range("a transfer finishes beyond the clock's range of 106 days");
  }
  now_ = at;
  arrived_.clear();
  next_arrived_ = 0;
  for (const FlowId flow : flows_.advance(at)) arrived_.push_back(moving_[index_of(flow)]);
}

std::vector<PathStep> Executor::critical_path() const {
  if (!path_kept_) {
    throw std::logic_error("critical path: the last run did not finish or did not keep it");
  }
  std::vector<PathStep> path;
  for (std::uint32_t op = last_finished_; op != kNone;) {
    const OpState& state = ops_[op];
    const bool freed = (state.link & kFreedResource) != 0;
    const std::uint32_t cause = state.link & ~kFreedResource;
    path.push_back({OpId{op}, state.started, state.finished,
                    cause == kNone ? PathReason::kStart
                    : freed        ? PathReason::kResource
                                   : PathReason::kDependency});
    op = cause;
  }
  std::ranges::reverse(path);
  return path;
}

std::size_t Executor::memory_bytes() const {
  return ops_.capacity() * sizeof(OpState) + resources_.capacity() * sizeof(Resource) +
         queue_.memory_bytes() + flows_.memory_bytes() + slowed_.memory_bytes() +
         (moving_.capacity() + arrived_.capacity()) * sizeof(MovingTransfer);
}

}  // namespace rigsim::sim
