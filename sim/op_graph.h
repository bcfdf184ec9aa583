#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "sim/ids.h"
#include "sim/network.h"
#include "sim/slowed_work.h"
#include "sim/units.h"

namespace rigsim::sim {

/// Takes `duration` and needs nothing: a launch, host work on an idle host.
struct Delay {
  Duration duration;
};

/// Holds `resource` alone for `duration`: a kernel on a stream.
struct Exclusive {
  ResourceId resource;
  Duration duration;
};

/// Waits for the latency of `route`, then moves `size` at the max-min fair rate of the route's
/// links.
struct Transfer {
  RouteId route;
  Bytes size;
};

using Op = std::variant<Delay, Exclusive, Transfer>;

/// The alternatives of `Op`, in its order.
enum class OpKind : std::uint8_t { kDelay, kExclusive, kTransfer };

/// What each op of a graph costs, by op: picoseconds for Delay and Exclusive, bytes for Transfer.
struct Costs {
  std::vector<std::int64_t> amount;
};

/// A transfer and a resource that works more slowly while it moves.
struct Slowing {
  OpId transfer;
  ResourceId resource;
  friend auto operator<=>(const Slowing&, const Slowing&) = default;
};

/// Ops and who must finish before whom, in compressed sparse rows; immutable. Built by
/// OpGraphBuilder.
class OpGraph {
 public:
  [[nodiscard]] std::size_t size() const { return ops_.size(); }
  [[nodiscard]] std::size_t resource_count() const { return resource_count_; }
  [[nodiscard]] const Network& network() const { return network_; }

  /// The ops that wait for `op`, in the order of the `precede` calls. For `op` below size() only,
  /// as all that follow.
  [[nodiscard]] std::span<const OpId> successors(OpId op) const {
    const std::uint32_t first = first_successor_[index_of(op)];
    return {successors_.data() + first, first_successor_[index_of(op) + 1] - first};
  }
  /// How many edges end in `op`.
  [[nodiscard]] std::uint32_t in_degree(OpId op) const { return ops_[index_of(op)].in_degree; }
  [[nodiscard]] OpKind kind(OpId op) const { return OpKind(ops_[index_of(op)].use >> kTargetBits); }
  /// The resource of an Exclusive op; none for the others.
  [[nodiscard]] std::optional<ResourceId> resource(OpId op) const;
  /// The route of a Transfer; none for the others.
  [[nodiscard]] std::optional<RouteId> route(OpId op) const;
  /// The resource or route number of an op that has one, else 0; unchecked, for inner loops.
  [[nodiscard]] std::uint32_t target(OpId op) const { return ops_[index_of(op)].use & kTargetMask; }

  /// The resources that some transfer slows, with their speeds meanwhile; in the order of ids.
  [[nodiscard]] const std::vector<SlowedResource>& slowed_resources() const { return slowed_; }
  /// What the transfer `op` slows while it moves.
  [[nodiscard]] std::span<const Slowing> slowed_by(OpId op) const;

  /// The same ops and edges, where each transfer is a Delay of 0: what runs make of the difference
  /// is what the transfers cost. Run it with costs that are 0 there.
  [[nodiscard]] OpGraph without_transfers() const;

  /// The costs that the graph was built with.
  [[nodiscard]] const Costs& costs() const { return costs_; }

  /// Bytes held, by capacity.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  friend class OpGraphBuilder;
  static constexpr int kTargetBits = 30;
  static constexpr std::uint32_t kTargetMask = (1U << kTargetBits) - 1;

  struct PackedOp {
    std::uint32_t use;  // kind in the two top bits, resource or route below
    std::uint32_t in_degree;
  };

  OpGraph() = default;

  Network network_;
  std::size_t resource_count_ = 0;
  std::vector<PackedOp> ops_;
  std::vector<std::uint32_t> first_successor_;  // size() + 1 entries
  std::vector<OpId> successors_;
  std::vector<SlowedResource> slowed_;
  std::vector<Slowing> slowings_;  // in the order of the transfers
  Costs costs_;
};

/// Collects ops and edges; `compile` checks them.
class OpGraphBuilder {
 public:
  explicit OpGraphBuilder(Network network = {}) : network_(std::move(network)) {}

  ResourceId add_resource() { return ResourceId{resource_count_++}; }
  /// While one or more of the transfers that slow it move, `resource` works at 1 - `slowdown` of
  /// its speed (see SlowedWork); 0 unless set. Latency is not moving.
  void set_slowdown(ResourceId resource, double slowdown) {
    slowdowns_.push_back({resource, slowdown});
  }
  /// `transfer` is one of those.
  void slow(OpId transfer, ResourceId resource) { slowings_.push_back({transfer, resource}); }
  OpId add(const Op& op);
  /// Adds an op that waits for all of `after`.
  OpId add(const Op& op, std::span<const OpId> after);
  OpId add(const Op& op, std::initializer_list<OpId> after) {
    return add(op, std::span<const OpId>(after.begin(), after.size()));
  }
  /// `before` must finish before `after` starts. Either may be added later than this call.
  void precede(OpId before, OpId after) { edges_.push_back({before, after}); }
  void reserve(std::size_t ops, std::size_t edges);

  /// Adds a route to this graph's network; as Network::add_route.
  RouteId add_route(std::span<const LinkId> links, Duration extra_latency = Duration::zero(),
                    std::optional<Bandwidth> cap = std::nullopt) {
    return network_.add_route(links, extra_latency, cap);
  }

  [[nodiscard]] std::size_t size() const { return ops_.size(); }
  [[nodiscard]] const Network& network() const { return network_; }

  /// Throws std::invalid_argument, naming the op, for a resource, route or op that does not exist,
  /// a negative duration or size, ops that wait for each other in a circle, a slowdown that is not
  /// in [0, 1) and one by an op that is no transfer; also beyond 2^30 ops or 2^32 edges.
  [[nodiscard]] OpGraph compile() &&;

 private:
  struct Edge {
    OpId before;
    OpId after;
  };
  struct Slowdown {
    ResourceId resource;
    double slowdown;
  };

  void add_slowdowns(OpGraph& graph) const;

  Network network_;
  std::uint32_t resource_count_ = 0;
  std::vector<Op> ops_;
  std::vector<Edge> edges_;
  std::vector<Slowdown> slowdowns_;
  std::vector<Slowing> slowings_;
};

}  // namespace rigsim::sim
