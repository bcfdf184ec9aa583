#include "topology/collective_phases.h"

#include <algorithm>
#include <bit>

namespace rigsim::topology {

using sim::Bytes;
using sim::Duration;

namespace {

constexpr std::uint32_t kBulkPeers = 16;

Bytes times(Bytes bytes, std::size_t count) { return bytes * static_cast<std::int64_t>(count); }

Bytes added(Bytes bytes, bool reduce) { return reduce ? bytes : Bytes{}; }

// The distances to all others of `size` ranks, each with how many it stands for: beyond
// kBulkPeers, one from each of as many equal ranges, at another place in each range, so that no
// regular layout of the ranks is seen too often or not at all.
std::vector<Exchange> peers(std::uint32_t size, bool bulk) {
  std::vector<Exchange> all;
  const std::uint32_t others = size - 1;
  if (!bulk || others <= kBulkPeers) {
    for (std::uint32_t distance = 1; distance <= others; ++distance) all.push_back({distance, 1});
    return all;
  }
  for (std::uint32_t i = 0; i < kBulkPeers; ++i) {
    const auto bound = [&](std::uint32_t k) {
      return static_cast<std::uint32_t>(std::uint64_t{others} * k / kBulkPeers);
    };
    const std::uint32_t range = bound(i + 1) - bound(i);
    const std::uint32_t place = (2 * (5 * i % kBulkPeers) + 1) * range / (2 * kBulkPeers);
    all.push_back({1 + bound(i) + place, range});
  }
  return all;
}

}  // namespace

void CollectivePhases::join(const RankGroups& groups) {
  std::vector<std::uint32_t> ranks(groups.size);
  for (std::uint32_t group = 0; group < groups.count; ++group) {
    for (std::uint32_t i = 0; i < groups.size; ++i) ranks[i] = groups.rank(group, i);
    steps_->join(ranks);
  }
}

void CollectivePhases::shift(std::uint32_t distance, Bytes bytes, bool reduce) {
  for (std::uint32_t rank = 0; rank < ranks_; ++rank) {
    steps_->send({rank, (rank + distance) % ranks_, bytes, added(bytes, reduce)});
  }
  steps_->end_step();
}

void CollectivePhases::exchange(const std::vector<Exchange>& exchanges, Bytes share, bool reduce) {
  for (const Exchange& step : exchanges) {
    shift(step.distance, times(share, step.shares), reduce);
  }
}

void CollectivePhases::ring_step(const RankGroups& groups, Bytes bytes, Bytes reduced,
                                 std::uint32_t latencies) {
  for (std::uint32_t group = 0; group < groups.count; ++group) {
    for (std::uint32_t i = 0; i < groups.size; ++i) {
      const std::uint32_t from = groups.rank(group, i);
      const std::uint32_t to = groups.rank(group, i + 1);
      const Duration before =
          latencies == 0 ? Duration{} : latencies * steps_->link(from, to).latency;
      steps_->send({from, to, bytes, reduced, before});
    }
  }
  steps_->end_step();
}

void CollectivePhases::ring(const RankGroups& groups, RingSteps steps, Bytes share) {
  const std::uint32_t count = steps.adding + steps.copying;
  if (count == 0) return;
  if (bulk_) {
    join(groups);
    ring_step(groups, times(share, count), times(share, steps.adding), count - 1);
    return join(groups);
  }
  for (std::uint32_t step = 0; step < count; ++step) {
    ring_step(groups, share, added(share, step < steps.adding), 0);
  }
}

void CollectivePhases::exchange_all(const RankGroups& groups, Bytes bytes, bool reduce) {
  if (groups.size == 1) return;
  for (const Exchange& peer : peers(groups.size, bulk_)) {
    const Bytes sent = times(bytes, peer.shares);
    for (std::uint32_t group = 0; group < groups.count; ++group) {
      for (std::uint32_t i = 0; i < groups.size; ++i) {
        steps_->send({groups.rank(group, i), groups.rank(group, i + peer.distance), sent,
                      added(sent, reduce)});
      }
    }
  }
  steps_->end_step();
  if (bulk_ && groups.size - 1 > kBulkPeers) join(groups);
}

void CollectivePhases::halving_doubling(Bytes size) {
  const std::uint32_t folded = std::bit_floor(ranks_);
  const std::uint32_t extra = ranks_ - folded;
  const Bytes share = share_of(size, folded);
  const auto fold = [&](std::uint32_t from, Bytes reduced) {
    for (std::uint32_t i = 0; i < extra; ++i) {
      steps_->send({2 * i + from, 2 * i + 1 - from, size, reduced});
    }
    steps_->end_step();
  };
  const auto swap = [&](std::uint32_t distance, bool reduce) {
    const auto rank = [&](std::uint32_t i) { return i < extra ? 2 * i + 1 : i + extra; };
    const Bytes bytes = times(share, distance);
    for (std::uint32_t i = 0; i < folded; ++i) {
      steps_->send({rank(i), rank(i ^ distance), bytes, added(bytes, reduce)});
    }
    steps_->end_step();
  };
  fold(0, size);
  for (std::uint32_t distance = folded / 2; distance > 0; distance /= 2) swap(distance, true);
  for (std::uint32_t distance = 1; distance < folded; distance *= 2) swap(distance, false);
  fold(1, {});
}

void CollectivePhases::tree(const DoubleTree& tree, const LinkCost& link, std::uint32_t chunks,
                            Bytes chunk, std::optional<sim::Bandwidth> reduction) {
  if (bulk_) return tree_flows(tree, link, chunks, chunk, reduction);
  tree_rounds(tree, chunks, chunk, true);
  tree_rounds(tree, chunks, chunk, false);
}

void CollectivePhases::tree_rounds(const DoubleTree& tree, std::uint32_t chunks, Bytes chunk,
                                   bool up) {
  std::size_t left = tree.edges().size() * chunks;
  for (std::size_t round = 0; left > 0; ++round) {
    for (const TreeEdge& edge : tree.edges()) {
      const std::size_t first = up ? edge.up : edge.down;
      if (round < first || (round - first) % tree.stride() != 0) continue;
      if ((round - first) / tree.stride() >= chunks) continue;
      --left;
      steps_->send(up ? RankSteps::Message{edge.child, edge.parent, chunk, chunk}
                      : RankSteps::Message{edge.parent, edge.child, chunk});
    }
    steps_->end_step();
    steps_->join_all();
  }
}

// The flows of the busiest port alone take busiest_port x count chunks; what the formula has
// beyond that and the latency of one message goes before.
void CollectivePhases::tree_flows(const DoubleTree& tree, const LinkCost& link,
                                  std::uint32_t chunks, Bytes chunk,
                                  std::optional<sim::Bandwidth> reduction) {
  const Bytes flow = times(chunk, chunks);
  const std::size_t rounds = tree.rounds_up(chunks) + tree.rounds_down(chunks);
  Duration before = static_cast<std::int64_t>(rounds) * (link.latency + chunk / link.bandwidth) -
                    link.latency - times(flow, tree.busiest_port()) / link.bandwidth;
  if (reduction) {
    before += static_cast<std::int64_t>(tree.rounds_up(chunks)) * (chunk / *reduction);
  }
  before = std::max(before, Duration::zero());
  steps_->join_all();
  for (const TreeEdge& edge : tree.edges()) {
    steps_->send({edge.child, edge.parent, flow, {}, before});
    steps_->send({edge.parent, edge.child, flow, {}, before});
  }
  steps_->end_step();
  steps_->join_all();
}

void CollectivePhases::binomial(const RankGroups& groups, Bytes bytes) {
  for (std::uint32_t distance = std::bit_ceil(groups.size) / 2; distance > 0; distance /= 2) {
    for (std::uint32_t group = 0; group < groups.count; ++group) {
      for (std::uint32_t i = 0; i + distance < groups.size; i += 2 * distance) {
        steps_->send({groups.rank(group, i), groups.rank(group, i + distance), bytes});
      }
    }
    steps_->end_step();
  }
}

void CollectivePhases::binomial_scatter(Bytes share) {
  for (std::uint32_t distance = std::bit_ceil(ranks_) / 2; distance > 0; distance /= 2) {
    for (std::uint32_t rank = 0; rank + distance < ranks_; rank += 2 * distance) {
      const std::uint32_t shares = std::min(distance, ranks_ - rank - distance);
      steps_->send({rank, rank + distance, times(share, shares)});
    }
    steps_->end_step();
  }
}

void CollectivePhases::scatter(Bytes bytes) {
  for (std::uint32_t rank = 1; rank < ranks_; ++rank) steps_->send({0, rank, bytes});
  steps_->end_step();
}

void CollectivePhases::gather_all_but_first(Bytes share) {
  if (bulk_ && ranks_ - 1 > kBulkPeers) return exchange_all({1, ranks_, ranks_, 1}, share, false);
  for (std::uint32_t from = 0; from < ranks_; ++from) {
    for (std::uint32_t to = 1; to < ranks_; ++to) {
      if (from != to) steps_->send({from, to, share});
    }
  }
  steps_->end_step();
}

void CollectivePhases::chain(const LinkCost& link, std::uint32_t chunks, Bytes chunk) {
  if (bulk_) return chain_flows(link, chunks, chunk);
  for (std::uint32_t step = 0; step < ranks_ - 2 + chunks; ++step) {
    for (std::uint32_t rank = 0; rank + 1 < ranks_ && rank <= step; ++rank) {
      if (step - rank < chunks) steps_->send({rank, rank + 1, chunk});
    }
    steps_->end_step();
  }
}

// The chunks' way through all but one hop goes before, as if nothing else were on the links.
void CollectivePhases::chain_flows(const LinkCost& link, std::uint32_t chunks, Bytes chunk) {
  const std::int64_t passed = std::int64_t{ranks_} - 2;
  const Duration before = passed * (chunk / link.bandwidth) + (passed - 1 + chunks) * link.latency;
  steps_->join_all();
  for (std::uint32_t rank = 0; rank + 1 < ranks_; ++rank) {
    steps_->send({rank, rank + 1, times(chunk, chunks), {}, before});
  }
  steps_->end_step();
  steps_->join_all();
}

}  // namespace rigsim::topology
