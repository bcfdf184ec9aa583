#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/network.h"

namespace rigsim::sim::naive {

/// A flow as a test states it: `bytes` over `route`, moving from `start_ps` after the last of
/// `after` ended; without any, after 0. With 0 bytes nothing moves: it ends when it starts.
struct Flow {
  RouteId route;
  std::int64_t bytes;
  std::int64_t start_ps;
  std::vector<std::size_t> after{};  ///< other flows
};

/// Max-min fair rates by progressive filling in extended precision, from nothing: all flows rise
/// together; the first link to fill, or the first cap to be reached, stops its flows. Bytes per
/// second, by flow.
std::vector<long double> rates(const Network& network, const std::vector<RouteId>& routes);

/// What became of a flow.
struct Outcome {
  long double ready_ps;  ///< when the last of `after` ended, not rounded; as the next two
  long double start_ps;  ///< when its first byte left
  long double end_ps;    ///< when its last byte arrived
  int events;  ///< starts and finishes of any flow from its start to its end, its own included
};

/// Solves all rates again at every start and finish, in extended precision, and rounds nothing.
std::vector<Outcome> run(const Network& network, const std::vector<Flow>& flows);

}  // namespace rigsim::sim::naive
