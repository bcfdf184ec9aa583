// Copies on random PCIe trees, against a solver that knows nothing of this project's: ways by the
// parents in the tree, rates by filling all links again after every finish.
#include "tests/topology/random_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "sim/executor.h"
#include "tests/topology/devices.h"
#include "topology/copy_routes.h"

namespace rigsim::topology {
namespace {

using namespace testing;

struct Flow {
  std::size_t from = 0;
  std::size_t to = 0;
  double bytes = 0;
  std::vector<std::size_t> links;  ///< 2 x vertex: up its cable; + 1: down
};

std::vector<Flow> random_flows(const Tree& tree, Random& random) {
  std::vector<Flow> flows;
  const std::size_t count = 1 + below(random, 20);
  while (flows.size() < count) {
    Flow flow{below(random, tree.devices),
              below(random, tree.devices),
              1e6 * static_cast<double>(1 + below(random, 64)),
              {}};
    if (flow.from != flow.to) flows.push_back(flow);
  }
  return flows;
}

/// Progressive filling over all flows that still move: bytes per second of each.
std::vector<double> fair_rates(const Tree& tree, const std::vector<Flow>& flows,
                               const std::vector<bool>& moving) {
  std::vector<double> rates(flows.size());
  std::vector<bool> open = moving;
  std::vector<double> left(2 * tree.branches.size());
  for (std::size_t link = 2; link < left.size(); ++link)
    left[link] = tree.branches[link / 2].gbps * 1e9;
  while (std::ranges::find(open, true) != open.end()) {
    double least = std::numeric_limits<double>::infinity();
    std::size_t tightest = 0;
    for (std::size_t link = 2; link < left.size(); ++link) {
      double users = 0;
      for (std::size_t f = 0; f < flows.size(); ++f)
        if (open[f] && std::ranges::find(flows[f].links, link) != flows[f].links.end()) ++users;
      if (users == 0 || left[link] / users >= least) continue;
      least = left[link] / users;
      tightest = link;
    }
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (!open[f] || std::ranges::find(flows[f].links, tightest) == flows[f].links.end()) continue;
      open[f] = false;
      rates[f] = least;
      for (const std::size_t link : flows[f].links) left[link] -= least;
    }
  }
  return rates;
}

std::vector<double> naive_finishes(const Tree& tree, std::vector<Flow> flows) {
  std::vector<double> finishes(flows.size());
  std::vector<bool> moving(flows.size(), true);
  for (Flow& flow : flows) flow.links = way(tree, tree.device(flow.from), tree.device(flow.to));
  for (double now = 0; std::ranges::find(moving, true) != moving.end();) {
    const std::vector<double> rates = fair_rates(tree, flows, moving);
    double step = std::numeric_limits<double>::infinity();
    for (std::size_t f = 0; f < flows.size(); ++f)
      if (moving[f]) step = std::min(step, flows[f].bytes / rates[f]);
    now += step;
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (!moving[f]) continue;
      flows[f].bytes -= rates[f] * step;
      if (flows[f].bytes > 1e-3) continue;
      moving[f] = false;
      finishes[f] = now;
    }
  }
  return finishes;
}

Rig rig_of_tree(const Tree& tree) {
  Rig rig;
  rig.name = "tree";
  rig.nodes.push_back({NodeKind::kHost, "host0", {}});
  for (std::size_t v = 1; v < tree.branches.size(); ++v) {
    const bool is_switch = v <= tree.switches;
    rig.nodes.push_back({is_switch ? NodeKind::kPcieSwitch : NodeKind::kDevice,
                         (is_switch ? "sw" : "gpu") + std::to_string(v),
                         {}});
    rig.cables.push_back({NodeId{static_cast<std::uint32_t>(v)},
                          NodeId{static_cast<std::uint32_t>(tree.branches[v].parent)},
                          "pcie",
                          sim::Bandwidth(tree.branches[v].gbps * 1e9),
                          {}});
    if (is_switch) continue;
    rig.nodes.back().device = static_cast<std::uint32_t>(rig.devices.size());
    rig.devices.push_back({rtx_pro_6000(), rig.nodes.back().name, {}});
  }
  for (std::uint32_t a = 0; a < tree.devices; ++a)
    for (std::uint32_t b = 0; b < tree.devices; ++b)
      if (a != b) rig.peer_access.push_back({a, b});
  return rig;
}

TEST(RandomPcieTrees, MoveCopiesAsANaiveSolverSays) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Random random(seed);
    const Tree tree = random_tree(random);
    const std::vector<Flow> flows = random_flows(tree, random);
    const RigNetwork network(rig_of_tree(tree));
    sim::OpGraphBuilder builder(network.network());
    CopyRoutes copies(network, builder);
    std::vector<sim::OpId> ops;
    for (const Flow& flow : flows)
      ops.push_back(builder.add(sim::Transfer{
          copies.between(static_cast<std::uint32_t>(flow.from), static_cast<std::uint32_t>(flow.to))
              .route,
          sim::Bytes(static_cast<std::int64_t>(flow.bytes))}));
    const sim::OpGraph graph = std::move(builder).compile();
    sim::Executor executor(graph);
    (void)executor.run(graph.costs());
    const std::vector<double> expected = naive_finishes(tree, flows);
    for (std::size_t f = 0; f < flows.size(); ++f) {
      const double finish = sim::to_seconds(executor.finished(ops[f]).time_since_epoch());
      ASSERT_NEAR(finish, expected[f], 1e-9 * expected[f] + 2e-12)
          << "seed " << seed << " flow " << f;
    }
  }
}

}  // namespace
}  // namespace rigsim::topology
