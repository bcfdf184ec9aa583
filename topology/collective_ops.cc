#include "topology/collective_ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "topology/collective_phases.h"

namespace rigsim::topology {
namespace {

using sim::Bytes;
using Kind = CollectiveKind;

/// Chooses the phases of one call.
class Lowering {
 public:
  Lowering(RankSteps& steps, const CollectiveRequest& request, Algorithm algorithm,
           Granularity granularity, const CollectiveOptions& options)
      : steps_(&steps),
        kind_(request.kind),
        size_(request.size),
        n_(static_cast<std::uint32_t>(request.devices.size())),
        algorithm_(algorithm),
        options_(options),
        phases_(steps, n_, granularity == Granularity::kBulk),
        all_{1, n_, n_, 1},
        machines_{options.machines, n_ / options.machines, n_ / options.machines, 1},
        rails_{n_ / options.machines, options.machines, 1, n_ / options.machines} {}

  void emit() {
    switch (kind_) {
      case Kind::kAllReduce:
        return all_reduce();
      case Kind::kReduceScatter:
        return reduce_scatter();
      case Kind::kAllGather:
        return all_gather();
      case Kind::kBroadcast:
        return broadcast();
      case Kind::kAllToAll:
        return all_to_all();
      case Kind::kSendRecv:
        return phases_.shift(1, size_, false);
    }
  }

 private:
  [[nodiscard]] Bytes share() const { return share_of(size_, n_); }
  [[nodiscard]] Bytes machine_share() const { return share_of(size_, machines_.size); }
  [[nodiscard]] Bytes rail_share() const { return share_of(machine_share(), rails_.size); }

  void all_reduce() {
    switch (algorithm_) {
      case Algorithm::kRing:
        return phases_.ring(all_, {n_ - 1, n_ - 1}, share());
      case Algorithm::kTree:
        return tree();
      case Algorithm::kHalvingDoubling:
        return phases_.halving_doubling(size_);
      case Algorithm::kOneShot:
        return phases_.exchange_all(all_, size_, true);
      case Algorithm::kNvls:
        return phases_.shift(1, size_ + share(), false);
      case Algorithm::kHierarchical:
        phases_.ring(machines_, {machines_.size - 1, 0}, machine_share());
        phases_.ring(rails_, {rails_.size - 1, rails_.size - 1}, rail_share());
        return phases_.ring(machines_, {0, machines_.size - 1}, machine_share());
      default:
        return two_shot();
    }
  }

  void two_shot() {
    const std::uint32_t pieces = options_.chunks.value_or(1);
    const Bytes bytes = share_of(share_of(size_, pieces), n_);
    for (std::uint32_t piece = 0; piece < pieces; ++piece) {
      phases_.exchange_all(all_, bytes, true);
      phases_.exchange_all(all_, bytes, false);
    }
  }

  // Of hops that take turns the slowest sets the pace.
  [[nodiscard]] LinkCost slowest(const std::vector<RankPair>& hops) const {
    LinkCost cost = steps_->link(hops.front().first, hops.front().second);
    for (const auto& [from, to] : hops) {
      const LinkCost hop = steps_->link(from, to);
      cost.latency = std::max(cost.latency, hop.latency);
      cost.bandwidth = std::min(cost.bandwidth, hop.bandwidth);
    }
    return cost;
  }

  [[nodiscard]] std::uint32_t chunks(const LinkCost& link) const {
    return options_.chunks.value_or(best_chunks(kind_, algorithm_, n_, size_, link));
  }

  void tree() {
    const DoubleTree tree(n_);
    std::vector<RankPair> hops;
    for (const TreeEdge& edge : tree.edges()) {
      hops.emplace_back(edge.child, edge.parent);
      hops.emplace_back(edge.parent, edge.child);
    }
    const LinkCost link = slowest(hops);
    const std::uint32_t count = chunks(link);
    phases_.tree(tree, link, count, share_of(size_, 2 * std::size_t{count}), options_.reduction);
  }

  // All-gather backwards.
  void reduce_scatter() {
    switch (algorithm_) {
      case Algorithm::kRing:
        return phases_.ring(all_, {n_ - 1, 0}, share());
      case Algorithm::kHalvingDoubling:
      case Algorithm::kPat: {
        std::vector<Exchange> steps = gather_steps();
        std::ranges::reverse(steps);
        return phases_.exchange(steps, share(), true);
      }
      case Algorithm::kHierarchical:
        phases_.ring(machines_, {machines_.size - 1, 0}, machine_share());
        return phases_.ring(rails_, {rails_.size - 1, 0}, rail_share());
      default:
        return phases_.exchange_all(all_, share(), true);
    }
  }

  void all_gather() {
    switch (algorithm_) {
      case Algorithm::kRing:
        return phases_.ring(all_, {0, n_ - 1}, share());
      case Algorithm::kHalvingDoubling:
      case Algorithm::kPat:
        return phases_.exchange(gather_steps(), share(), false);
      case Algorithm::kHierarchical:
        phases_.ring(rails_, {0, rails_.size - 1}, rail_share());
        return phases_.ring(machines_, {0, machines_.size - 1}, machine_share());
      default:
        return phases_.exchange_all(all_, share(), false);
    }
  }

  [[nodiscard]] std::vector<Exchange> gather_steps() const {
    return algorithm_ == Algorithm::kPat ? pat_steps(n_, options_.aggregation.value_or(n_))
                                         : bruck_steps(n_);
  }

  void broadcast() {
    switch (algorithm_) {
      case Algorithm::kTree:
        return phases_.binomial(all_, size_);
      case Algorithm::kRing:
        return chain();
      case Algorithm::kHalvingDoubling:
        phases_.binomial_scatter(share());
        return phases_.exchange(bruck_steps(n_), share(), false);
      case Algorithm::kTwoShot:
        phases_.scatter(share());
        return phases_.gather_all_but_first(share());
      case Algorithm::kHierarchical:  // to the first rank of each machine, then inside
        phases_.binomial({1, rails_.size, n_, rails_.member_stride}, size_);
        return phases_.binomial(machines_, size_);
      default:
        return phases_.scatter(size_);
    }
  }

  void chain() {
    std::vector<RankPair> hops;
    for (std::uint32_t rank = 0; rank + 1 < n_; ++rank) hops.emplace_back(rank, rank + 1);
    const LinkCost link = slowest(hops);
    const std::uint32_t count = chunks(link);
    phases_.chain(link, count, share_of(size_, count));
  }

  void all_to_all() {
    switch (algorithm_) {
      case Algorithm::kRing:
        for (std::uint32_t distance = 1; distance < n_; ++distance) {
          phases_.shift(distance, share(), false);
        }
        return;
      case Algorithm::kHalvingDoubling:
        return phases_.exchange(bruck_all_to_all_steps(n_), share(), false);
      case Algorithm::kHierarchical:
        phases_.exchange_all(machines_, share() * std::int64_t{rails_.size}, false);
        return phases_.exchange_all(rails_, share() * std::int64_t{machines_.size}, false);
      default:
        return phases_.exchange_all(all_, share(), false);
    }
  }

  RankSteps* steps_;
  Kind kind_;
  Bytes size_;
  std::uint32_t n_;
  Algorithm algorithm_;
  CollectiveOptions options_;
  CollectivePhases phases_;
  RankGroups all_;
  RankGroups machines_;
  RankGroups rails_;
};

void check_devices(const CollectiveRequest& request, std::size_t ready) {
  std::vector<std::uint32_t> devices = request.devices;
  std::ranges::sort(devices);
  const auto twice = std::ranges::adjacent_find(devices);
  if (twice != devices.end()) {
    throw std::invalid_argument(
        fmt::format("{}: device {} is given twice", to_string(request.kind), *twice));
  }
  if (ready != 0 && ready != devices.size()) {
    throw std::invalid_argument(fmt::format("{}: {} ready ops for {} ranks: none or one per rank",
                                            to_string(request.kind), ready, devices.size()));
  }
}

}  // namespace

std::vector<sim::OpId> emit_collective(sim::OpGraphBuilder& graph, const RouteOf& route,
                                       const CollectiveRequest& request, Algorithm algorithm,
                                       Granularity granularity, std::span<const sim::OpId> ready,
                                       const CollectiveOptions& options) {
  check_collective(request.kind, algorithm, request.devices.size(), request.size, options);
  check_devices(request, ready.size());
  RankSteps steps(graph, route, request.devices, ready, options.reduction);
  if (request.devices.size() > 1) {
    Lowering(steps, request, algorithm, granularity, options).emit();
  }
  return steps.done();
}

std::vector<sim::OpId> emit_collective(sim::OpGraphBuilder& graph, CopyRoutes& copies,
                                       const CollectiveRequest& request, Algorithm algorithm,
                                       Granularity granularity, std::span<const sim::OpId> ready,
                                       const CollectiveOptions& options) {
  const RouteOf route = [&copies](std::uint32_t from, std::uint32_t to) {
    return copies.between(from, to).route;
  };
  return emit_collective(graph, route, request, algorithm, granularity, ready, options);
}

}  // namespace rigsim::topology
