#include "sim/op_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace rigsim::sim {
namespace {

constexpr std::size_t kMaxOps = std::size_t{1} << 30;
constexpr std::size_t kMaxEdges = (std::size_t{1} << 32) - 1;

struct Use {
  OpKind kind;
  std::uint32_t target;
  std::int64_t amount;
};

Use use_of(const Op& op) {
  struct Visitor {
    Use operator()(const Delay& d) const { return {OpKind::kDelay, 0, d.duration.count()}; }
    Use operator()(const Exclusive& e) const {
      return {OpKind::kExclusive, index_of(e.resource), e.duration.count()};
    }
    Use operator()(const Transfer& t) const {
      return {OpKind::kTransfer, index_of(t.route), t.size.count()};
    }
  };
  return std::visit(Visitor{}, op);
}

void check_target(std::size_t op, const char* what, std::size_t target, std::size_t count) {
  if (target >= count) {
    throw std::invalid_argument(
        fmt::format("op {}: {} {} does not exist, there are {}", op, what, target, count));
  }
}

void check_use(std::size_t op, const Use& use, std::size_t resources, std::size_t routes) {
  if (use.kind == OpKind::kExclusive) check_target(op, "resource", use.target, resources);
  if (use.kind == OpKind::kTransfer) check_target(op, "route", use.target, routes);
  if (use.amount < 0) {
    const bool bytes = use.kind == OpKind::kTransfer;
    throw std::invalid_argument(fmt::format("op {}: {} must be >= 0, got {} {}", op,
                                            bytes ? "size" : "duration", use.amount,
                                            bytes ? "B" : "ps"));
  }
}

// The unfinished ops all have an unfinished predecessor: walking back from one must come round.
std::vector<std::uint32_t> find_circle(const OpGraph& graph,
                                       const std::vector<std::uint32_t>& pending) {
  std::vector<std::uint32_t> blocker(graph.size(), 0);
  std::uint32_t op = 0;
  for (std::uint32_t from = 0; from < graph.size(); ++from) {
    if (pending[from] == 0) continue;
    op = from;
    for (const OpId to : graph.successors(OpId{from})) blocker[index_of(to)] = from;
  }
  std::vector<bool> seen(graph.size());
  for (; !seen[op]; op = blocker[op]) seen[op] = true;
  std::vector<std::uint32_t> circle{op};
  for (std::uint32_t at = blocker[op]; at != op; at = blocker[at]) circle.push_back(at);
  std::ranges::reverse(circle);
  std::ranges::rotate(circle, std::ranges::min_element(circle));
  return circle;
}

std::string describe_circle(const std::vector<std::uint32_t>& circle) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(circle.size(), kShown); ++i) {
    text += fmt::format("{} -> ", circle[i]);
  }
  if (circle.size() > kShown) text += fmt::format("({} more) -> ", circle.size() - kShown);
  return text + fmt::format("{}", circle.front());
}

// Kahn's algorithm (Communications of the ACM 5(11), 1962).
void check_acyclic(const OpGraph& graph) {
  std::vector<std::uint32_t> pending(graph.size());
  std::vector<std::uint32_t> ready;
  for (std::uint32_t op = 0; op < graph.size(); ++op) {
    pending[op] = graph.in_degree(OpId{op});
    if (pending[op] == 0) ready.push_back(op);
  }
  std::size_t done = 0;
  while (!ready.empty()) {
    const std::uint32_t op = ready.back();
    ready.pop_back();
    ++done;
    for (const OpId next : graph.successors(OpId{op})) {
      if (--pending[index_of(next)] == 0) ready.push_back(index_of(next));
    }
  }
  if (done < graph.size()) {
    throw std::invalid_argument("ops wait for each other in a circle: " +
                                describe_circle(find_circle(graph, pending)));
  }
}

}  // namespace

std::optional<ResourceId> OpGraph::resource(OpId op) const {
  if (kind(op) != OpKind::kExclusive) return std::nullopt;
  return ResourceId{target(op)};
}

std::optional<RouteId> OpGraph::route(OpId op) const {
  if (kind(op) != OpKind::kTransfer) return std::nullopt;
  return RouteId{target(op)};
}

std::span<const Slowing> OpGraph::slowed_by(OpId op) const {
  const auto found = std::ranges::equal_range(slowings_, op, {}, &Slowing::transfer);
  return {found.begin(), found.end()};
}

OpGraph OpGraph::without_transfers() const {
  OpGraph graph = *this;
  graph.slowed_.clear();
  graph.slowings_.clear();
  for (std::size_t op = 0; op < ops_.size(); ++op) {
    if (kind(OpId(static_cast<std::uint32_t>(op))) != OpKind::kTransfer) continue;
    graph.ops_[op].use = static_cast<std::uint32_t>(OpKind::kDelay) << kTargetBits;
    graph.costs_.amount[op] = 0;
  }
  return graph;
}

std::size_t OpGraph::memory_bytes() const {
  return ops_.capacity() * sizeof(PackedOp) + first_successor_.capacity() * sizeof(std::uint32_t) +
         successors_.capacity() * sizeof(OpId) + slowed_.capacity() * sizeof(SlowedResource) +
         slowings_.capacity() * sizeof(Slowing) + costs_.amount.capacity() * sizeof(std::int64_t) +
         network_.memory_bytes();
}

OpId OpGraphBuilder::add(const Op& op) {
  ops_.push_back(op);
  return OpId{static_cast<std::uint32_t>(ops_.size() - 1)};
}

OpId OpGraphBuilder::add(const Op& op, std::span<const OpId> after) {
  const OpId id = add(op);
  for (const OpId before : after) precede(before, id);
  return id;
}

void OpGraphBuilder::reserve(std::size_t ops, std::size_t edges) {
  ops_.reserve(ops);
  edges_.reserve(edges);
}

/// Keeps the slowdowns that can be felt: without one the executor does not look for any.
void OpGraphBuilder::add_slowdowns(OpGraph& graph) const {
  std::vector<Speed> speeds(resource_count_, Speed(kFullSpeed));
  for (const auto& [resource, slowdown] : slowdowns_) {
    if (index_of(resource) >= resource_count_) {
      throw std::invalid_argument(fmt::format("a slowdown of resource {}: there are {}",
                                              index_of(resource), resource_count_));
    }
    speeds[index_of(resource)] = speed_after(slowdown);
  }
  std::vector<bool> felt(resource_count_);
  for (const Slowing& slowing : slowings_) {
    const auto [transfer, resource] = slowing;
    check_target(index_of(transfer), "resource", index_of(resource), resource_count_);
    check_target(index_of(transfer), "slowing op", index_of(transfer), ops_.size());
    if (graph.kind(transfer) != OpKind::kTransfer) {
      throw std::invalid_argument(
          fmt::format("op {}: only a transfer slows a resource", index_of(transfer)));
    }
    if (speeds[index_of(resource)] == Speed(kFullSpeed)) continue;
    graph.slowings_.push_back(slowing);
    felt[index_of(resource)] = true;
  }
  std::ranges::sort(graph.slowings_);
  const auto twice = std::ranges::unique(graph.slowings_);
  graph.slowings_.erase(twice.begin(), twice.end());
  for (std::uint32_t resource = 0; resource < resource_count_; ++resource) {
    if (felt[resource]) graph.slowed_.push_back({ResourceId{resource}, speeds[resource]});
  }
}

OpGraph OpGraphBuilder::compile() && {
  if (ops_.size() > kMaxOps || edges_.size() > kMaxEdges || resource_count_ > kMaxOps ||
      network_.route_count() > kMaxOps) {
    throw std::invalid_argument(fmt::format("{} ops with {} edges: at most {} and {} are allowed",
                                            ops_.size(), edges_.size(), kMaxOps, kMaxEdges));
  }
  OpGraph graph;
  graph.network_ = std::move(network_);
  graph.resource_count_ = resource_count_;
  graph.ops_.resize(ops_.size());
  graph.costs_.amount.resize(ops_.size());
  for (std::size_t op = 0; op < ops_.size(); ++op) {
    const Use use = use_of(ops_[op]);
    check_use(op, use, resource_count_, graph.network_.route_count());
    graph.ops_[op] = {static_cast<std::uint32_t>(use.kind) << OpGraph::kTargetBits | use.target, 0};
    graph.costs_.amount[op] = use.amount;
  }
  if (!slowdowns_.empty() || !slowings_.empty()) add_slowdowns(graph);
  // Counting sort of the edges by their first op; edges of one op keep their order.
  graph.first_successor_.assign(ops_.size() + 1, 0);
  for (const Edge& edge : edges_) {
    check_target(index_of(edge.after), "predecessor", index_of(edge.before), ops_.size());
    check_target(index_of(edge.before), "successor", index_of(edge.after), ops_.size());
    ++graph.first_successor_[index_of(edge.before) + 1];
    ++graph.ops_[index_of(edge.after)].in_degree;
  }
  for (std::size_t op = 0; op < ops_.size(); ++op) {
    graph.first_successor_[op + 1] += graph.first_successor_[op];
  }
  std::vector<std::uint32_t> next(graph.first_successor_.begin(), graph.first_successor_.end() - 1);
  graph.successors_.resize(edges_.size());
  for (const Edge& edge : edges_) {
    graph.successors_[next[index_of(edge.before)]++] = edge.after;
  }
  check_acyclic(graph);
  return graph;
}

}  // namespace rigsim::sim
