#pragma once

#include <compare>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "topology/rig.h"

namespace rigsim::topology {

/// One direction of one cable.
struct Hop {
  std::uint32_t cable = 0;  ///< index into Rig::cables
  bool a_to_b = true;

  friend bool operator==(const Hop&, const Hop&) = default;
};

/// What a way costs: picoseconds, then hops; strictly growing along it, also over cables without
/// latency.
struct RoutePrice {
  std::int64_t ps = 0;
  std::int64_t hops = 0;

  friend auto operator<=>(const RoutePrice&, const RoutePrice&) = default;
};

/// There is no way.
inline constexpr RoutePrice kUnreachable{std::numeric_limits<std::int64_t>::max(), 0};

/// The price of one way after the other.
constexpr RoutePrice operator+(RoutePrice a, RoutePrice b) {
  if (a == kUnreachable || b == kUnreachable) return kUnreachable;
  return {a.ps + b.ps, a.hops + b.hops};
}

/// One hop's price: the cable's latency plus 1 MiB at its bandwidth.
[[nodiscard]] RoutePrice price_of(const Cable& cable);

/// One direction of a cable between two vertices of a graph.
struct PricedArc {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  Hop hop;
  RoutePrice price;
};

/// The cheapest ways in a graph of vertices 0 to `forwards.size()` - 1 from each of `sources` to
/// every vertex, passing only through vertices that forward (Dijkstra, Boost.Graph).
/// [sources x vertices], row = source; kUnreachable where there is no way.
[[nodiscard]] std::vector<RoutePrice> cheapest_prices(const std::vector<bool>& forwards,
                                                      std::span<const PricedArc> arcs,
                                                      std::span<const std::uint32_t> sources);

/// The arcs of a graph by the vertex in which they end.
class ArcsByHead {
 public:
  ArcsByHead() = default;
  ArcsByHead(std::size_t vertices, std::span<const PricedArc> arcs);

  /// In the order of their tails, then of their cables.
  [[nodiscard]] std::span<const PricedArc> into(std::uint32_t vertex) const {
    return std::span(arcs_).subspan(first_[vertex], first_[vertex + 1] - first_[vertex]);
  }

 private:
  std::vector<std::uint32_t> first_;  ///< by vertex, and the end
  std::vector<PricedArc> arcs_;
};

}  // namespace rigsim::topology
