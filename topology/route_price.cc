#include "topology/route_price.h"

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <tuple>

namespace rigsim::topology {
namespace {

constexpr sim::Bytes kReferenceSize{1 << 20};

struct ArcProperty {
  RoutePrice price;
};

using Graph = boost::adjacency_list<boost::vecS, boost::vecS, boost::directedS, boost::no_property,
                                    ArcProperty>;
using ArcId = boost::graph_traits<Graph>::edge_descriptor;

Graph graph_of(std::size_t vertices, std::span<const PricedArc> arcs) {
  Graph graph(vertices);
  for (const PricedArc& arc : arcs) boost::add_edge(arc.from, arc.to, {arc.price}, graph);
  return graph;
}

/// Lets arcs leave the source and whatever forwards.
struct Passes {
  const Graph* graph = nullptr;
  const std::vector<bool>* forwards = nullptr;
  std::size_t source = 0;

  bool operator()(const ArcId& arc) const {
    const std::size_t tail = boost::source(arc, *graph);
    return tail == source || (*forwards)[tail];
  }
};

}  // namespace

RoutePrice price_of(const Cable& cable) {
  return {(cable.latency + kReferenceSize / cable.per_direction).count(), 1};
}

std::vector<RoutePrice> cheapest_prices(const std::vector<bool>& forwards,
                                        std::span<const PricedArc> arcs,
                                        std::span<const std::uint32_t> sources) {
  const std::size_t vertices = forwards.size();
  const Graph graph = graph_of(vertices, arcs);
  std::vector<RoutePrice> prices(sources.size() * vertices);
  for (std::size_t row = 0; row < sources.size(); ++row) {
    const boost::filtered_graph<Graph, Passes> roads(graph,
                                                     Passes{&graph, &forwards, sources[row]});
    const auto first = prices.begin() + static_cast<std::ptrdiff_t>(row * vertices);
    boost::dijkstra_shortest_paths(roads, sources[row],
                                   boost::weight_map(boost::get(&ArcProperty::price, roads))
                                       .distance_map(boost::make_iterator_property_map(
                                           first, boost::get(boost::vertex_index, roads)))
                                       .distance_combine(std::plus<RoutePrice>())
                                       .distance_compare(std::less<RoutePrice>())
                                       .distance_inf(kUnreachable)
                                       .distance_zero(RoutePrice{}));
  }
  return prices;
}

ArcsByHead::ArcsByHead(std::size_t vertices, std::span<const PricedArc> arcs)
    : first_(vertices + 1), arcs_(arcs.begin(), arcs.end()) {
  std::ranges::sort(arcs_, {}, [](const PricedArc& arc) {
    return std::tuple(arc.to, arc.from, arc.hop.cable, !arc.hop.a_to_b);
  });
  for (const PricedArc& arc : arcs_) ++first_[arc.to + 1];
  for (std::size_t v = 0; v < vertices; ++v) first_[v + 1] += first_[v];
}

}  // namespace rigsim::topology
