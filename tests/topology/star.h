#pragma once

#include <cstdint>
#include <vector>

#include "sim/executor.h"
#include "topology/collective_ops.h"

namespace rigsim::topology::testing {

/// Ranks on one switch: a link up and a link down each, and a route for every pair. A message alone
/// takes latency + size / bandwidth.
struct Star {
  Star(std::uint32_t ports, const LinkCost& link) : ranks(ports) {
    std::vector<sim::LinkId> up;
    std::vector<sim::LinkId> down;
    for (std::uint32_t rank = 0; rank < ranks; ++rank) {
      up.push_back(network.add_link(link.bandwidth, link.latency));
      down.push_back(network.add_link(link.bandwidth));
    }
    for (std::uint32_t from = 0; from < ranks; ++from) {
      for (std::uint32_t to = 0; to < ranks; ++to) {
        routes.push_back(from == to ? sim::RouteId{} : network.add_route({up[from], down[to]}));
      }
    }
  }

  [[nodiscard]] RouteOf route_of() const {
    return [this](std::uint32_t from, std::uint32_t to) { return routes[from * ranks + to]; };
  }

  std::uint32_t ranks;
  sim::Network network;
  std::vector<sim::RouteId> routes;  // [from x to]
};

/// Devices 0 to ranks - 1.
inline CollectiveRequest request(CollectiveKind kind, std::uint32_t ranks, sim::Bytes size) {
  CollectiveRequest request{kind, {}, size};
  for (std::uint32_t rank = 0; rank < ranks; ++rank) request.devices.push_back(rank);
  return request;
}

/// When the last rank is done, with nothing else on `network`.
inline sim::Duration simulated(const sim::Network& network, const RouteOf& route,
                               const CollectiveRequest& request, Algorithm algorithm,
                               Granularity granularity, const CollectiveOptions& options = {}) {
  sim::OpGraphBuilder builder(network);
  (void)emit_collective(builder, route, request, algorithm, granularity, {}, options);
  const sim::OpGraph graph = std::move(builder).compile();
  return sim::Executor(graph).run(graph.costs()).time_since_epoch();
}

}  // namespace rigsim::topology::testing
