#include "topology/vllm_all_reduce.h"

#include <stdexcept>

namespace rigsim::topology {
namespace {

bool may_run(const NcclGraph& graph) {
  const bool world = graph.ranks == 2 || graph.ranks == 4 || graph.ranks == 6 || graph.ranks == 8;
  if (graph.machines > 1 || !world || !graph.peer_access) return false;
  return graph.ranks == 2 || graph.fully_joined;
}

const VllmLimit* limit(const NcclGraph& graph, const VllmAllReduce& vllm) {
  for (const VllmLimit& row : vllm.limits)
    if (row.generation == graph.generation && row.ranks == graph.ranks) return &row;
  return nullptr;
}

Algorithm shots(sim::Bytes size, const NcclGraph& graph, const VllmAllReduce& vllm) {
  const sim::Bytes most = graph.ranks <= 4 ? vllm.one_shot_small_world : vllm.one_shot_large_world;
  return graph.ranks == 2 || size < most ? Algorithm::kOneShot : Algorithm::kTwoShot;
}

}  // namespace

std::optional<Algorithm> vllm_algorithm(sim::Bytes size, const NcclGraph& graph,
                                        const VllmAllReduce& vllm) {
  if (!may_run(graph)) return std::nullopt;
  const VllmLimit* row = limit(graph, vllm);
  if (row == nullptr || !graph.nvls) {
    if (size >= vllm.most) return std::nullopt;
    return shots(size, graph, vllm);
  }
  if (size <= row->custom) return shots(size, graph, vllm);
  if (size <= row->symmetric) return Algorithm::kNvls;
  return std::nullopt;
}

sim::Duration vllm_time(sim::Bytes size, Algorithm algorithm, const NcclGraph& graph,
                        const VllmAllReduce& vllm) {
  const double n = graph.ranks;
  const double start = sim::to_seconds(vllm.base) + n * sim::to_seconds(vllm.per_rank);
  const double port = graph.intra.count() * vllm.port_share;
  const auto bytes = static_cast<double>(size.count());
  switch (algorithm) {
    case Algorithm::kOneShot:
      return sim::from_seconds(start + (n - 1) * bytes / port);
    case Algorithm::kTwoShot:
    case Algorithm::kNvls:
      return sim::from_seconds(2 * start + 2 * (n - 1) / n * bytes / port);
    default:
      throw std::logic_error("not an all-reduce of vLLM's own");
  }
}

}  // namespace rigsim::topology
