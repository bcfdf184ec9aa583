#include "topology/nccl_tuning.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

namespace rigsim::topology {
namespace {

constexpr std::array kWires{Protocol::kLl, Protocol::kLl128, Protocol::kSimple};

std::size_t row(const NcclGraph& graph) { return static_cast<std::size_t>(graph.generation); }

bool is_exchange(CollectiveKind kind) {
  return kind == CollectiveKind::kAllToAll || kind == CollectiveKind::kSendRecv;
}

double log2_of(std::uint32_t n) { return std::log2(static_cast<double>(n)); }

const NcclLatency& hop_inside(const NcclGraph& graph, const NcclConstants& nccl) {
  return graph.path == NcclPath::kNvlink ? nccl.nvlink_hop : nccl.pcie_hop;
}

sim::Bandwidth ll_cap(const NcclGraph& graph, const NcclConstants& nccl) {
  if (graph.machines == 1) return nccl.ll_cap[row(graph)];
  return graph.machines == 2 ? nccl.ll_cap_two_machines : nccl.ll_cap_more_machines;
}

/// Bus bandwidth that NCCL gives an algorithm and protocol.
double bus(const NcclGraph& graph, Algorithm algorithm, Protocol protocol,
           const NcclConstants& nccl) {
  const double ring = graph.ring().count();
  const double cap = ll_cap(graph, nccl).count();
  if (algorithm == Algorithm::kRing) {
    if (protocol == Protocol::kLl) return std::min(cap, ring * nccl.ring_ll_share);
    return protocol == Protocol::kLl128 ? ring * nccl.ring_ll128_share : ring;
  }
  if (algorithm == Algorithm::kPat) return ring * nccl.pat_share;
  if (algorithm == Algorithm::kNvls) {
    const double channels = nccl.nvls_channels[row(graph)];
    return graph.intra.count() * nccl.nvls_share[row(graph)] * (channels - 1) / channels;
  }
  // With two machines both trees cross the network once, so that the inside decides.
  const double inside =
      graph.machines <= 2 && graph.ranks_per_machine > 1 ? graph.intra.count() : ring;
  const double simple = inside * nccl.tree_simple_share;
  if (protocol == Protocol::kLl) return std::min(cap, simple / nccl.tree_ll_divisor);
  if (protocol == Protocol::kSimple) return simple;
  return simple * (graph.machines == 1 ? nccl.tree_ll128_share : nccl.tree_ll128_share_machines);
}

double tree_correction(sim::Bytes size, Protocol protocol, const NcclConstants& nccl) {
  const std::vector<double>& factors = nccl.tree_correction.of(protocol);
  const auto bytes = static_cast<std::uint64_t>(size.count());
  const auto step = static_cast<std::size_t>(bytes < 64 ? 0 : std::bit_width(bytes / 64) - 1);
  return factors[std::min(step, factors.size() - 1)];
}

/// What the network lets through of a tree over the machines.
double tree_network_rate(const NcclGraph& graph) {
  return graph.machines == 1 ? std::numeric_limits<double>::infinity()
                             : graph.inter.count() / tree_crossings(graph);
}

/// Size over time without latency.
double algorithm_rate(CollectiveKind kind, sim::Bytes size, const NcclGraph& graph,
                      Algorithm algorithm, Protocol protocol, const NcclConstants& nccl) {
  const double rate = bus(graph, algorithm, protocol, nccl);
  const double n = graph.ranks;
  switch (algorithm) {
    case Algorithm::kTree:
      return rate * 0.5 * tree_correction(size, protocol, nccl);
    case Algorithm::kNvls:
      return std::min(rate / (1 + 1.0 / graph.ranks_per_machine), tree_network_rate(graph));
    default:
      return kind == CollectiveKind::kBroadcast ? rate : rate * n / ring_steps(kind, graph.ranks);
  }
}

sim::Duration base_of(Algorithm algorithm, Protocol protocol, const NcclConstants& nccl) {
  switch (algorithm) {
    case Algorithm::kTree:
      return nccl.base.tree.of(protocol);
    case Algorithm::kNvls:
      return nccl.base.nvls;
    case Algorithm::kPat:
      return nccl.base.pat;
    default:
      return nccl.base.ring.of(protocol);
  }
}

sim::Duration expected(CollectiveKind kind, sim::Bytes size, const NcclGraph& graph,
                       Algorithm algorithm, Protocol protocol, const NcclConstants& nccl) {
  double latency =
      sim::to_seconds(base_of(algorithm, protocol, nccl) +
                      nccl_hops(graph, kind, algorithm, protocol, hop_inside(graph, nccl), nccl));
  const double chunk = static_cast<double>(size.count()) / nccl.channels / graph.ranks;
  if (algorithm == Algorithm::kRing && protocol == Protocol::kSimple && graph.machines > 1 &&
      kind == CollectiveKind::kAllReduce && chunk >= 64)
    latency *= nccl.ring_plateau;
  return sim::from_seconds(latency +
                           static_cast<double>(size.count()) /
                               algorithm_rate(kind, size, graph, algorithm, protocol, nccl));
}

bool may_reduce_in_switch(const NcclGraph& graph, const NcclConstants& nccl) {
  return graph.nvls &&
         graph.ranks_per_machine >= static_cast<std::uint32_t>(nccl.nvls_least_ranks[row(graph)]);
}

std::vector<Algorithm> algorithms(CollectiveKind kind, const NcclGraph& graph,
                                  const NcclConstants& nccl) {
  std::vector<Algorithm> found{Algorithm::kRing};
  if (kind == CollectiveKind::kAllReduce) {
    found.push_back(Algorithm::kTree);
    if (may_reduce_in_switch(graph, nccl)) found.push_back(Algorithm::kNvls);
  }
  const bool scattered =
      kind == CollectiveKind::kAllGather || kind == CollectiveKind::kReduceScatter;
  if (scattered && graph.machines > 1 && graph.ranks_per_machine == 1)
    found.push_back(Algorithm::kPat);
  return found;
}

bool may(Algorithm algorithm, Protocol protocol, const NcclGraph& graph) {
  if (protocol == Protocol::kLl128 && graph.path != NcclPath::kNvlink) return false;
  const bool simple_only = algorithm == Algorithm::kNvls || algorithm == Algorithm::kPat;
  return !simple_only || protocol == Protocol::kSimple;
}

std::string listed(const std::vector<NcclChoice>& choices) {
  std::string text;
  for (const NcclChoice& choice : choices)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", to_string(choice.algorithm),
                        to_string(choice.protocol));
  return text;
}

}  // namespace

double tree_crossings(const NcclGraph& graph) { return graph.machines == 2 ? 1 : 2; }

double ring_steps(CollectiveKind kind, std::uint32_t ranks) {
  const double hops = ranks - 1.0;
  if (kind == CollectiveKind::kSendRecv) return 1;
  return kind == CollectiveKind::kAllReduce ? 2 * hops : hops;
}

sim::Duration nccl_hops(const NcclGraph& graph, CollectiveKind kind, Algorithm algorithm,
                        Protocol protocol, const NcclLatency& inside, const NcclConstants& nccl) {
  const NcclLatency& net = nccl.network_hop;
  const double machines = log2_of(graph.machines);
  const auto seconds = [](sim::Duration d) { return sim::to_seconds(d); };
  switch (algorithm) {
    case Algorithm::kTree:
      return sim::from_seconds(2 *
                               ((graph.ranks_per_machine - 1) * seconds(inside.tree.of(protocol)) +
                                machines * seconds(net.tree.of(protocol))));
    case Algorithm::kNvls:
      if (graph.machines == 1) return inside.nvls;
      return sim::from_seconds(seconds(inside.nvls_tree) + 2 * machines * seconds(net.nvls_tree));
    case Algorithm::kPat:
      return sim::from_seconds(machines * seconds(net.pat) / 3.5 + 2.8e-6 * graph.ranks);
    default:
      break;
  }
  const double crossings = (kind == CollectiveKind::kAllReduce ? 2 : 1) * (graph.machines - 1.0);
  double hop = seconds(inside.ring.of(protocol));
  if (graph.machines > 1)
    hop = std::max(hop, seconds(nccl.network_overhead) * (protocol == Protocol::kSimple ? 3 : 1));
  return sim::from_seconds((ring_steps(kind, graph.ranks) - crossings) * hop +
                           crossings * seconds(net.ring.of(protocol)));
}

std::vector<NcclChoice> nccl_choices(CollectiveKind kind, sim::Bytes size, const NcclGraph& graph,
                                     const NcclConstants& nccl) {
  if (is_exchange(kind)) {
    const std::int64_t peers = kind == CollectiveKind::kAllToAll ? graph.ranks : 1;
    const bool small = size.count() <= nccl.exchange_ll_limit.count() * peers;
    const Protocol wire = small ? Protocol::kLl : Protocol::kSimple;
    return {{Algorithm::kDirect, wire, expected(kind, size, graph, Algorithm::kRing, wire, nccl)}};
  }
  std::vector<NcclChoice> found;
  for (const Algorithm algorithm : algorithms(kind, graph, nccl))
    for (const Protocol wire : kWires)
      if (may(algorithm, wire, graph))
        found.push_back({algorithm, wire, expected(kind, size, graph, algorithm, wire, nccl)});
  return found;
}

NcclChoice nccl_choice(CollectiveKind kind, sim::Bytes size, const NcclGraph& graph,
                       const NcclConstants& nccl, std::optional<Algorithm> algorithm,
                       std::optional<Protocol> protocol) {
  const std::vector<NcclChoice> all = nccl_choices(kind, size, graph, nccl);
  std::optional<NcclChoice> best;
  for (const NcclChoice& choice : all) {
    if (algorithm && choice.algorithm != *algorithm) continue;
    if (protocol && choice.protocol != *protocol) continue;
    if (!best || choice.expected < best->expected) best = choice;
  }
  if (!best)
    throw std::invalid_argument(
        fmt::format("NCCL has no {}{}{} {} here; it has {}", algorithm ? to_string(*algorithm) : "",
                    algorithm && protocol ? " " : "", protocol ? to_string(*protocol) : "",
                    to_string(kind), listed(all)));
  return *best;
}

}  // namespace rigsim::topology
