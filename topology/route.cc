#include "topology/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/dijkstra_shortest_paths.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <limits>
#include <stdexcept>
#include <utility>

#include "topology/rig_check.h"

namespace rigsim::topology {
namespace {

/// Picoseconds, then hops: strictly growing along a route, also over cables without latency.
using Price = std::pair<std::int64_t, std::int64_t>;

constexpr Price kUnreachable{std::numeric_limits<std::int64_t>::max(), 0};
constexpr sim::Bytes kReferenceSize{1 << 20};

struct Arc {
  Hop hop;
  Price price;
};

using Graph =
    boost::adjacency_list<boost::vecS, boost::vecS, boost::bidirectionalS, boost::no_property, Arc>;
using ArcId = boost::graph_traits<Graph>::edge_descriptor;

struct Plus {
  Price operator()(const Price& a, const Price& b) const {
    return a == kUnreachable ? a : Price(a.first + b.first, a.second + b.second);
  }
};

Graph graph_of(const Rig& rig) {
  Graph graph(rig.nodes.size());
  for (std::uint32_t i = 0; i < rig.cables.size(); ++i) {
    const Cable& cable = rig.cables[i];
    const Price price{(cable.latency + kReferenceSize / cable.per_direction).count(), 1};
    const auto a = static_cast<std::size_t>(cable.a);
    const auto b = static_cast<std::size_t>(cable.b);
    boost::add_edge(a, b, Arc{{i, true}, price}, graph);
    boost::add_edge(b, a, Arc{{i, false}, price}, graph);
  }
  return graph;
}

/// Lets arcs leave the source and whatever forwards.
struct Forwards {
  const Graph* graph = nullptr;
  const Rig* rig = nullptr;
  std::size_t source = 0;

  bool operator()(const ArcId& arc) const {
    const std::size_t tail = boost::source(arc, *graph);
    return tail == source || rig->nodes[tail].kind != NodeKind::kDevice;
  }
};

using Roads = boost::filtered_graph<Graph, Forwards>;

std::vector<Price> prices_from(std::size_t source, const Roads& roads) {
  std::vector<Price> prices(boost::num_vertices(roads));
  boost::dijkstra_shortest_paths(roads, source,
                                 boost::weight_map(boost::get(&Arc::price, roads))
                                     .distance_map(boost::make_iterator_property_map(
                                         prices.begin(), boost::get(boost::vertex_index, roads)))
                                     .distance_combine(Plus())
                                     .distance_compare(std::less<Price>())
                                     .distance_inf(kUnreachable)
                                     .distance_zero(Price(0, 0)));
  return prices;
}

/// Walks back from `target` along arcs that keep the cheapest price, to the lowest node id each
/// time.
std::vector<Hop> hops_to(std::size_t source, std::size_t target, const Roads& roads,
                         const std::vector<Price>& prices) {
  std::vector<Hop> hops;
  for (std::size_t node = target; node != source;) {
    std::size_t previous = boost::num_vertices(roads);
    Hop hop;
    for (const ArcId& arc : boost::make_iterator_range(boost::in_edges(node, roads))) {
      const std::size_t tail = boost::source(arc, roads);
      if (tail >= previous || Plus()(prices[tail], roads[arc].price) != prices[node]) continue;
      previous = tail;
      hop = roads[arc].hop;
    }
    hops.push_back(hop);
    node = previous;
  }
  std::reverse(hops.begin(), hops.end());
  return hops;
}

}  // namespace

RouteTable::RouteTable(const Rig& rig) {
  validate(rig);
  const Graph graph = graph_of(rig);
  const std::size_t nodes = rig.nodes.size();
  ways_.resize(nodes * nodes);
  for (std::size_t from = 0; from < nodes; ++from) {
    names_.push_back(rig.nodes[from].name);
    if (rig.nodes[from].kind == NodeKind::kHost)
      hosts_.push_back(NodeId{static_cast<std::uint32_t>(from)});
    const Roads roads(graph, Forwards{&graph, &rig, from});
    const std::vector<Price> prices = prices_from(from, roads);
    for (std::size_t to = 0; to < nodes; ++to)
      if (prices[to] != kUnreachable)
        ways_[from * nodes + to] = {true, prices[to].first, hops_to(from, to, roads, prices)};
  }
}

const RouteTable::Way& RouteTable::way(NodeId from, NodeId to) const {
  for (const NodeId node : {from, to})
    if (static_cast<std::size_t>(node) >= names_.size())
      throw std::invalid_argument(fmt::format("node {} is unknown, the rig has {}",
                                              static_cast<std::size_t>(node), names_.size()));
  return ways_[static_cast<std::size_t>(from) * names_.size() + static_cast<std::size_t>(to)];
}

bool RouteTable::connected(NodeId from, NodeId to) const { return way(from, to).found; }

const std::vector<Hop>& RouteTable::route(NodeId from, NodeId to) const {
  const Way& found = way(from, to);
  if (!found.found)
    throw std::invalid_argument(fmt::format("no way from {} to {}",
                                            names_[static_cast<std::size_t>(from)],
                                            names_[static_cast<std::size_t>(to)]));
  return found.hops;
}

std::optional<NodeId> RouteTable::nearest_host(NodeId node) const {
  std::optional<NodeId> nearest;
  for (const NodeId host : hosts_)
    if (connected(node, host) &&
        (!nearest || way(node, host).price_ps < way(node, *nearest).price_ps))
      nearest = host;
  return nearest;
}

}  // namespace rigsim::topology
