#include "tests/bench/bare_loop.h"

#include <algorithm>

namespace rigsim::bench {

BareLoop::BareLoop(const sim::OpGraph& graph)
    : resources_(graph.resource_count()), next_(graph.size(), kNone) {
  first_.push_back(0);
  for (std::uint32_t op = 0; op < graph.size(); ++op) {
    for (const sim::OpId next : graph.successors(sim::OpId{op})) {
      successors_.push_back(index_of(next));
    }
    first_.push_back(static_cast<std::uint32_t>(successors_.size()));
    in_degree_.push_back(graph.in_degree(sim::OpId{op}));
    resource_.push_back(graph.target(sim::OpId{op}));
  }
}

void BareLoop::push(End end) {
  std::size_t hole = heap_.size();
  heap_.push_back(end);
  while (hole > 0) {
    const std::size_t parent = (hole - 1) / 4;
    if (heap_[parent].time <= end.time) break;
    heap_[hole] = heap_[parent];
    hole = parent;
  }
  heap_[hole] = end;
}

BareLoop::End BareLoop::pop() {
  const End first = heap_.front();
  const End last = heap_.back();
  heap_.pop_back();
  const std::size_t size = heap_.size();
  if (size == 0) return first;
  std::size_t hole = 0;
  for (std::size_t child = 1; child < size; child = 4 * hole + 1) {
    std::size_t best = child;
    const std::size_t end = std::min(child + 4, size);
    for (std::size_t other = child + 1; other < end; ++other) {
      if (heap_[other].time < heap_[best].time) best = other;
    }
    if (heap_[best].time >= last.time) break;
    heap_[hole] = heap_[best];
    hole = best;
  }
  heap_[hole] = last;
  return first;
}

void BareLoop::make_ready(std::uint32_t op, std::int64_t now,
                          const std::vector<std::int64_t>& cost) {
  const std::uint32_t resource = resource_[op];
  if (!busy_[resource]) {
    busy_[resource] = 1;
    push({now + cost[op], op});
    return;
  }
  next_[op] = kNone;
  (head_[resource] == kNone ? head_[resource] : next_[tail_[resource]]) = op;
  tail_[resource] = op;
}

std::int64_t BareLoop::run(const std::vector<std::int64_t>& cost) {
  unmet_ = in_degree_;
  head_.assign(resources_, kNone);
  tail_.assign(resources_, kNone);
  busy_.assign(resources_, 0);
  for (std::uint32_t op = 0; op < unmet_.size(); ++op) {
    if (unmet_[op] == 0) make_ready(op, 0, cost);
  }
  std::int64_t now = 0;
  while (!heap_.empty()) {
    const End end = pop();
    now = end.time;
    const std::uint32_t resource = resource_[end.op];
    const std::uint32_t waiting = head_[resource];
    if (waiting == kNone) {
      busy_[resource] = 0;
    } else {
      head_[resource] = next_[waiting];
      push({now + cost[waiting], waiting});
    }
    for (std::uint32_t i = first_[end.op]; i < first_[end.op + 1]; ++i) {
      if (--unmet_[successors_[i]] == 0) make_ready(successors_[i], now, cost);
    }
  }
  return now;
}

}  // namespace rigsim::bench
