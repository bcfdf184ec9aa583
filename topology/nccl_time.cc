#include "topology/nccl_time.h"

#include <algorithm>
#include <cmath>

namespace rigsim::topology {
namespace {

double seconds(sim::Duration duration) { return sim::to_seconds(duration); }

sim::Duration times(sim::Duration duration, double factor) {
  return sim::from_seconds(seconds(duration) * factor);
}

PerProtocol<sim::Duration> scaled(const PerProtocol<sim::Duration>& hop, double ll, double simple) {
  return {times(hop.ll, ll), times(hop.ll128, simple), times(hop.simple, simple)};
}

/// NCCL's hops inside the machine, at the speed that was fitted. Where NVLink carries some hops of
/// a ring over PCIe, each of them is as much faster as NCCL counts it.
NcclLatency fitted_hops(const NcclGraph& graph, const NcclFit& fit, const NcclConstants& nccl) {
  const NcclLatency& hop = graph.path == NcclPath::kNvlink ? nccl.nvlink_hop : nccl.pcie_hop;
  const auto mixed = [&](sim::Duration fitted, sim::Duration nvlink, sim::Duration other) {
    const double over_nvlink = graph.nvlink_hops * seconds(nvlink) / seconds(other);
    return seconds(fitted) / seconds(other) * (1 - graph.nvlink_hops + over_nvlink);
  };
  const double ll = mixed(fit.ll_hop, nccl.nvlink_hop.ring.ll, hop.ring.ll);
  const double simple = mixed(fit.simple_hop, nccl.nvlink_hop.ring.simple, hop.ring.simple);
  NcclLatency out;
  out.ring = scaled(hop.ring, ll, simple);
  out.tree = scaled(hop.tree, ll, simple);
  out.nvls = times(hop.nvls, simple);
  out.nvls_tree = times(hop.nvls_tree, simple);
  out.pat = times(hop.pat, simple);
  return out;
}

struct Rates {
  double ll = 0;  ///< bytes per second through the slowest port
  double simple = 0;
};

Rates rates(const NcclGraph& graph, const NcclFit& fit, const NcclShape& shape) {
  const bool staged = graph.path == NcclPath::kSharedMemory && graph.ranks_per_machine > 1;
  const double share = staged ? shape.shared_memory_share : 1;
  const double intra = graph.intra.count() * share;
  Rates out{intra * fit.ll_share, intra * fit.simple_share};
  if (graph.machines == 1) return out;
  constexpr double kLlPayload = 0.5;  // half of what LL sends are flags
  const double net = graph.inter.count();
  if (graph.ranks_per_machine == 1) return {net * kLlPayload, net};
  return {std::min(out.ll, net * kLlPayload), std::min(out.simple, net)};
}

/// Seconds that `bytes` sent in `sends` steps take, with what the one more step that only receives
/// adds.
double transfer(double bytes, double rate, double sends, double idle_step) {
  return bytes / rate * (1 + idle_step / sends);
}

double combined(double latency, double data, double exponent) {
  if (exponent == 1) return latency + data;
  return std::pow(std::pow(latency, exponent) + std::pow(data, exponent), 1 / exponent);
}

double exponent(Protocol wire, const NcclShape& shape) {
  if (wire == Protocol::kLl128) return 1;
  return wire == Protocol::kLl ? shape.ll_exponent : shape.simple_exponent;
}

/// LL from each peer in turn of a tree of them; Simple after one hand-shake.
double exchange(CollectiveKind kind, double bytes, Protocol wire, const NcclGraph& graph,
                const NcclFit& fit, const NcclShape& shape, const NcclConstants& nccl) {
  const double n = graph.ranks;
  const bool all = kind == CollectiveKind::kAllToAll;
  const Rates rate = rates(graph, fit, shape);
  const bool ll = wire == Protocol::kLl;
  double latency = seconds(fit.launch);
  if (ll) {
    latency += seconds(fit.ll_hop) * (all ? 1 + std::log2(n) : 1);
  } else {
    latency += seconds(nccl.base.ring.simple - nccl.base.ring.ll) + seconds(fit.simple_hop);
  }
  if (graph.machines > 1) latency += seconds(nccl.network_hop.ring.of(wire));
  const double sent = all ? bytes * (n - 1) / n : bytes;
  double data =
      transfer(sent, ll ? rate.ll : rate.simple, all ? n - 1 : 1, all ? fit.idle_step : 0);
  if (graph.machines > 1) {  // the ranks of a machine share its NICs
    const double abroad = all ? bytes * (n - graph.ranks_per_machine) / n : bytes;
    data = std::max(data, abroad * graph.ranks_per_machine / graph.inter.count());
  }
  return combined(latency, data, exponent(wire, shape));
}

/// Seconds of moving the data alone.
double data_time(CollectiveKind kind, double bytes, const NcclChoice& choice,
                 const NcclGraph& graph, const NcclFit& fit, const NcclShape& shape,
                 const NcclConstants& nccl) {
  const double n = graph.ranks;
  const Rates rate = rates(graph, fit, shape);
  const auto generation = static_cast<std::size_t>(graph.generation);
  switch (choice.algorithm) {
    case Algorithm::kNvls: {
      const double inside = bytes * (1 + 1.0 / graph.ranks_per_machine) /
                            (graph.intra.count() * fit.simple_share * nccl.nvls_share[generation]);
      if (graph.machines == 1) return inside;
      return std::max(inside, bytes * tree_crossings(graph) / graph.inter.count());
    }
    case Algorithm::kTree: {
      const double half = 0.5 * nccl.tree_simple_share;
      if (choice.protocol == Protocol::kLl)
        return bytes / (rate.ll * half / (nccl.ring_ll_share * nccl.tree_ll_divisor));
      return bytes / (rate.simple * half *
                      (choice.protocol == Protocol::kLl128 ? nccl.tree_ll128_share : 1));
    }
    case Algorithm::kPat:
      return bytes * (n - 1) / n / (rate.simple * nccl.pat_share);
    default:
      break;
  }
  const double steps = ring_steps(kind, graph.ranks);
  const double sent = kind == CollectiveKind::kBroadcast ? bytes : bytes * steps / n;
  double wire = rate.simple;
  if (choice.protocol == Protocol::kLl) wire = rate.ll;
  if (choice.protocol == Protocol::kLl128) wire *= nccl.ring_ll128_share;
  return transfer(sent, wire, steps, kind == CollectiveKind::kBroadcast ? 0 : fit.idle_step);
}

/// The kernel's own latency: the fitted one of a ring by LL, plus what NCCL adds for others.
double base_time(const NcclChoice& choice, const NcclFit& fit, const NcclConstants& nccl) {
  sim::Duration base = nccl.base.ring.ll;
  if (choice.algorithm == Algorithm::kRing) base = nccl.base.ring.of(choice.protocol);
  if (choice.algorithm == Algorithm::kTree) base = nccl.base.tree.of(choice.protocol);
  if (choice.algorithm == Algorithm::kPat) base = nccl.base.pat;
  return seconds(fit.launch + base - nccl.base.ring.ll);
}

}  // namespace

sim::Duration nccl_time(CollectiveKind kind, sim::Bytes size, const NcclChoice& choice,
                        const NcclGraph& graph, const NcclFit& fit, const NcclShape& shape,
                        const NcclConstants& nccl) {
  const auto bytes = static_cast<double>(size.count());
  if (choice.algorithm == Algorithm::kDirect)
    return sim::from_seconds(exchange(kind, bytes, choice.protocol, graph, fit, shape, nccl));
  const double latency = base_time(choice, fit, nccl) +
                         seconds(nccl_hops(graph, kind, choice.algorithm, choice.protocol,
                                           fitted_hops(graph, fit, nccl), nccl));
  const double data = data_time(kind, bytes, choice, graph, fit, shape, nccl);
  return sim::from_seconds(combined(latency, data, exponent(choice.protocol, shape)));
}

}  // namespace rigsim::topology
