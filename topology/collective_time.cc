#include "topology/collective_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "topology/collective_steps.h"
#include "topology/double_tree.h"

namespace rigsim::topology {
namespace {

using sim::Bytes;
using sim::Duration;
using Kind = CollectiveKind;

// What the formulas are made of. Adds up steps in which each port moves `bytes`, of which
// `reduced` are added up at the receiver.
class Sum {
 public:
  Sum(const UniformLinks& links, const CollectiveOptions& options)
      : inside_(links.inside),
        between_(links.between.value_or(links.inside)),
        reduction_(options.reduction) {}

  void inside(std::size_t steps, Bytes bytes, Bytes reduced = {}) {
    add(inside_, steps, bytes, reduced);
  }
  void between(std::size_t steps, Bytes bytes, Bytes reduced = {}) {
    add(between_, steps, bytes, reduced);
  }
  [[nodiscard]] Duration total() const { return total_; }

 private:
  void add(const LinkCost& link, std::size_t steps, Bytes bytes, Bytes reduced) {
    Duration step = link.latency + bytes / link.bandwidth;
    if (reduction_) step += reduced / *reduction_;
    total_ += static_cast<std::int64_t>(steps) * step;
  }

  LinkCost inside_;
  LinkCost between_;
  std::optional<sim::Bandwidth> reduction_;
  Duration total_{};
};

Bytes times(Bytes share, std::size_t count) { return share * static_cast<std::int64_t>(count); }

std::uint32_t aggregation(std::size_t ranks, const CollectiveOptions& options) {
  return options.aggregation.value_or(static_cast<std::uint32_t>(ranks));
}

// One call, and what its formula needs.
struct Call {
  std::size_t n;
  Bytes size;
  const CollectiveOptions& options;
  std::size_t chunks;

  [[nodiscard]] Bytes share() const { return share_of(size, n); }
  [[nodiscard]] std::size_t machines() const { return options.machines; }
  [[nodiscard]] std::size_t per_machine() const { return n / machines(); }
  [[nodiscard]] Bytes inside_share() const { return share_of(size, per_machine()); }
  [[nodiscard]] Bytes rail_share() const { return share_of(inside_share(), machines()); }
};

void halving_doubling_all_reduce(Sum& sum, const Call& call) {
  const std::size_t folded = std::bit_floor(call.n);
  const Bytes share = share_of(call.size, folded);
  if (folded < call.n) {
    sum.inside(1, call.size, call.size);
    sum.inside(1, call.size);
  }
  for (std::size_t distance = 1; distance < folded; distance *= 2) {
    const Bytes bytes = times(share, distance);
    sum.inside(1, bytes, bytes);
    sum.inside(1, bytes);
  }
}

void tree_all_reduce(Sum& sum, const Call& call) {
  const DoubleTree tree(static_cast<std::uint32_t>(call.n));
  const Bytes chunk = share_of(call.size, 2 * call.chunks);
  sum.inside(tree.rounds_up(call.chunks), chunk, chunk);
  sum.inside(tree.rounds_down(call.chunks), chunk);
}

void two_shot_all_reduce(Sum& sum, const Call& call) {
  const Bytes share = share_of(share_of(call.size, call.chunks), call.n);
  sum.inside(call.chunks, times(share, call.n - 1), times(share, call.n - 1));
  sum.inside(call.chunks, times(share, call.n - 1));
}

void all_reduce(Sum& sum, Algorithm algorithm, const Call& call) {
  const std::size_t n = call.n;
  const Bytes share = call.share();
  switch (algorithm) {
    case Algorithm::kRing:
      sum.inside(n - 1, share, share);
      return sum.inside(n - 1, share);
    case Algorithm::kTree:
      return tree_all_reduce(sum, call);
    case Algorithm::kHalvingDoubling:
      return halving_doubling_all_reduce(sum, call);
    case Algorithm::kOneShot:
      return sum.inside(1, times(call.size, n - 1), times(call.size, n - 1));
    case Algorithm::kNvls:
      return sum.inside(1, call.size + share);
    case Algorithm::kHierarchical:
      sum.inside(call.per_machine() - 1, call.inside_share(), call.inside_share());
      sum.between(call.machines() - 1, call.rail_share(), call.rail_share());
      sum.between(call.machines() - 1, call.rail_share());
      return sum.inside(call.per_machine() - 1, call.inside_share());
    default:
      return two_shot_all_reduce(sum, call);
  }
}

// Reduce-scatter, and all-gather, which is the same in reverse and adds nothing up.
void share_out(Sum& sum, Algorithm algorithm, const Call& call, bool reduce) {
  const Bytes share = call.share();
  const auto n = static_cast<std::uint32_t>(call.n);
  const auto added = [&](Bytes bytes) { return reduce ? bytes : Bytes{}; };
  const auto exchange = [&](const std::vector<Exchange>& steps) {
    for (const Exchange& step : steps) {
      sum.inside(1, times(share, step.shares), added(times(share, step.shares)));
    }
  };
  switch (algorithm) {
    case Algorithm::kRing:
      return sum.inside(n - 1, share, added(share));
    case Algorithm::kHalvingDoubling:
      return exchange(bruck_steps(n));
    case Algorithm::kPat:
      return exchange(pat_steps(n, aggregation(n, call.options)));
    case Algorithm::kHierarchical:
      sum.inside(call.per_machine() - 1, call.inside_share(), added(call.inside_share()));
      return sum.between(call.machines() - 1, call.rail_share(), added(call.rail_share()));
    default:
      return sum.inside(1, times(share, n - 1), added(times(share, n - 1)));
  }
}

void broadcast(Sum& sum, Algorithm algorithm, const Call& call) {
  const std::size_t n = call.n;
  const Bytes share = call.share();
  switch (algorithm) {
    case Algorithm::kTree:
      return sum.inside(ceil_log2(n), call.size);
    case Algorithm::kRing:
      return sum.inside(n - 2 + call.chunks, share_of(call.size, call.chunks));
    case Algorithm::kHalvingDoubling:
      for (const Exchange& step : bruck_steps(static_cast<std::uint32_t>(n))) {
        sum.inside(2, times(share, step.shares));
      }
      return;
    case Algorithm::kTwoShot:
      return sum.inside(2, times(share, n - 1));
    case Algorithm::kHierarchical:
      sum.between(ceil_log2(call.machines()), call.size);
      return sum.inside(ceil_log2(call.per_machine()), call.size);
    default:
      return sum.inside(1, times(call.size, n - 1));
  }
}

void all_to_all(Sum& sum, Algorithm algorithm, const Call& call) {
  const std::size_t n = call.n;
  const Bytes share = call.share();
  switch (algorithm) {
    case Algorithm::kRing:
      return sum.inside(n - 1, share);
    case Algorithm::kHalvingDoubling:
      for (const Exchange& step : bruck_all_to_all_steps(static_cast<std::uint32_t>(n))) {
        sum.inside(1, times(share, step.shares));
      }
      return;
    case Algorithm::kHierarchical:
      if (call.per_machine() > 1) {
        sum.inside(1, times(share, (call.per_machine() - 1) * call.machines()));
      }
      if (call.machines() > 1) {
        sum.between(1, times(share, (call.machines() - 1) * call.per_machine()));
      }
      return;
    default:
      return sum.inside(1, times(share, n - 1));
  }
}

void check_link(const char* which, const LinkCost& link) {
  if (link.latency < Duration::zero() || !(link.bandwidth.count() > 0)) {
    throw std::invalid_argument(
        fmt::format("collective: links {} must have a latency >= 0 and a bandwidth > 0, got {} ps "
                    "and {} B/s",
                    which, link.latency.count(), link.bandwidth.count()));
  }
}

std::string algorithms_of(CollectiveKind kind) {
  std::string names;
  for (const Algorithm algorithm : kAlgorithms) {
    if (!supports(kind, algorithm)) continue;
    names += (names.empty() ? "" : ", ") + std::string(to_string(algorithm));
  }
  return names;
}

void check_positive(const char* what, const std::optional<std::uint32_t>& value) {
  if (value == 0U) throw std::invalid_argument(fmt::format("collective: 0 {}, must be > 0", what));
}

}  // namespace

bool supports(CollectiveKind kind, Algorithm algorithm) {
  using enum Algorithm;
  switch (kind) {
    case Kind::kAllReduce:
      return algorithm != kPat;
    case Kind::kReduceScatter:
    case Kind::kAllGather:
      return algorithm == kRing || algorithm == kHalvingDoubling || algorithm == kPat ||
             algorithm == kDirect || algorithm == kHierarchical;
    case Kind::kBroadcast:
      return algorithm != kPat && algorithm != kNvls && algorithm != kOneShot;
    case Kind::kAllToAll:
      return algorithm == kDirect || algorithm == kRing || algorithm == kHalvingDoubling ||
             algorithm == kHierarchical;
    case Kind::kSendRecv:
      return algorithm == kDirect;
  }
  return false;
}

void check_collective(CollectiveKind kind, Algorithm algorithm, std::size_t ranks, sim::Bytes size,
                      const CollectiveOptions& options) {
  if (!supports(kind, algorithm)) {
    throw std::invalid_argument(fmt::format("{}: no algorithm {}, there are {}", to_string(kind),
                                            to_string(algorithm), algorithms_of(kind)));
  }
  if (ranks == 0 || ranks > std::numeric_limits<std::uint32_t>::max() / 2) {
    throw std::invalid_argument(
        fmt::format("{}: {} ranks, must be 1 to 2^31", to_string(kind), ranks));
  }
  if (size < Bytes(0)) {
    throw std::invalid_argument(
        fmt::format("{}: size must be >= 0 B, got {} B", to_string(kind), size.count()));
  }
  if (options.machines == 0 || ranks % options.machines != 0) {
    throw std::invalid_argument(fmt::format("{}: {} ranks on {} machines: must be as many on each",
                                            to_string(kind), ranks, options.machines));
  }
  check_positive("chunks", options.chunks);
  check_positive("shares in a message", options.aggregation);
  if (options.reduction && !(options.reduction->count() > 0)) {
    throw std::invalid_argument(fmt::format("{}: the rate of reduction must be > 0 B/s, got {} B/s",
                                            to_string(kind), options.reduction->count()));
  }
}

std::uint32_t best_chunks(CollectiveKind kind, Algorithm algorithm, std::size_t ranks,
                          sim::Bytes size, const LinkCost& link) {
  constexpr double kWithoutLatency = 1024;
  double fill = 0;   // steps beyond those that each chunk adds
  double steps = 1;  // that each chunk adds
  double parts = 1;  // of the data that go side by side
  if (kind == Kind::kAllReduce && algorithm == Algorithm::kTree && ranks > 1) {
    const DoubleTree tree(static_cast<std::uint32_t>(ranks));
    steps = 2 * tree.stride();
    fill = static_cast<double>(tree.rounds_up(1) + tree.rounds_down(1)) - steps;
    parts = 2;
  } else if (kind == Kind::kBroadcast && algorithm == Algorithm::kRing) {
    fill = static_cast<double>(ranks) - 2;
  }
  if (fill <= 0 || size <= Bytes(0)) return 1;
  const double latency = sim::to_seconds(link.latency);
  const double data = static_cast<double>(size.count()) / parts;
  double chunks = kWithoutLatency;
  if (latency > 0) {
    chunks = std::sqrt(fill * data / link.bandwidth.count() / (steps * latency));
  }
  const double most = std::min(data, 0x1p30);
  return static_cast<std::uint32_t>(std::max(1.0, std::min(std::round(chunks), most)));
}

sim::Duration collective_time(CollectiveKind kind, Algorithm algorithm, std::size_t ranks,
                              sim::Bytes size, const UniformLinks& links,
                              const CollectiveOptions& options) {
  check_collective(kind, algorithm, ranks, size, options);
  check_link("inside", links.inside);
  if (links.between) check_link("between machines", *links.between);
  if (ranks == 1) return Duration::zero();
  const std::size_t chunks =
      options.chunks.value_or(best_chunks(kind, algorithm, ranks, size, links.inside));
  const Call call{ranks, size, options, chunks};
  Sum sum(links, options);
  switch (kind) {
    case Kind::kAllReduce:
      all_reduce(sum, algorithm, call);
      break;
    case Kind::kReduceScatter:
    case Kind::kAllGather:
      share_out(sum, algorithm, call, kind == Kind::kReduceScatter);
      break;
    case Kind::kBroadcast:
      broadcast(sum, algorithm, call);
      break;
    case Kind::kAllToAll:
      all_to_all(sum, algorithm, call);
      break;
    case Kind::kSendRecv:
      sum.inside(1, size);
      break;
  }
  return sum.total();
}

}  // namespace rigsim::topology
