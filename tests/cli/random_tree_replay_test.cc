// Copies on random PCIe trees through the program: rigs as YAML and graphs as JSON, written here,
// against the naive solver.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "tests/cli/document.h"
#include "tests/sim/naive_flows.h"
#include "tests/topology/random_tree.h"

namespace rigsim::cli::test {
namespace {

using topology::testing::below;
using topology::testing::Random;
using topology::testing::Tree;

constexpr std::size_t kTreesPerRig = 5;  // that nothing joins, each with its host and its copies

/// A node of the graph: a copy between two vertices of the tree, or a delay.
struct Work {
  std::size_t from = 0;
  std::size_t to = 0;
  std::int64_t bytes = 0;  ///< 0: a delay
  int delay_ns = 0;
  std::vector<std::size_t> after;
};

/// A tree with the latency of each cable, and what happens on it.
struct Machine {
  Tree tree;
  std::vector<int> latency_ns;  ///< by vertex: of the cable above it
  std::vector<Work> work;
};

/// Copies between devices or with the host, and between them delays.
Work random_work(const Machine& machine, Random& random) {
  const Tree& tree = machine.tree;
  Work work;
  const auto end = [&] {
    const std::size_t i = below(random, tree.devices + 1);
    return i == tree.devices ? 0 : tree.device(i);
  };
  while (work.from == work.to) {
    work.from = end();
    work.to = end();
  }
  if (below(random, 5) == 0) {
    work.delay_ns = static_cast<int>(below(random, 300'000));
  } else {
    work.bytes = 1 + static_cast<std::int64_t>(below(random, 1U << (10 + below(random, 16))));
  }
  for (std::size_t i = below(random, 3); i > 0 && !machine.work.empty(); --i)
    work.after.push_back(below(random, machine.work.size()));
  if (work.after.size() == 2 && work.after[0] == work.after[1]) work.after.pop_back();
  return work;
}

Machine random_machine(Random& random) {
  Machine machine{topology::testing::random_tree(random), {}, {}};
  for (std::size_t v = 0; v < machine.tree.branches.size(); ++v)
    machine.latency_ns.push_back(static_cast<int>(below(random, 3'000)));
  for (std::size_t i = 10 + below(random, 30); i > 0; --i)
    machine.work.push_back(random_work(machine, random));
  return machine;
}

std::string vertex_name(const Tree& tree, std::size_t machine, std::size_t vertex) {
  if (vertex == 0) return fmt::format("host{}", machine);
  return fmt::format("{}{}.{}", vertex > tree.switches ? "gpu" : "sw", machine, vertex);
}

std::string rig_yaml(const std::vector<Machine>& machines) {
  std::string devices = "name: trees\ndevices:\n";
  std::string nodes = "nodes:\n";
  std::string cables = "cables:\n";
  std::string peers = "peer_access:\n";
  for (std::size_t m = 0; m < machines.size(); ++m) {
    const Tree& tree = machines[m].tree;
    const auto name = [&](std::size_t vertex) { return vertex_name(tree, m, vertex); };
    for (std::size_t v = 0; v < tree.branches.size(); ++v) {
      const bool device = v > tree.switches;
      const char* kind = v == 0 ? "host" : device ? "device" : "pcie-switch";
      nodes += fmt::format("  - {{name: {}, kind: {}}}\n", name(v), kind);
      if (device) devices += fmt::format("  - {{device: rtx-pro-6000, name: {}}}\n", name(v));
      if (v == 0) continue;
      const topology::testing::Branch& branch = tree.branches[v];
      cables +=
          fmt::format("  - {{a: {}, b: {}, type: pcie, bandwidth: {} GB/s, latency: {} ns}}\n",
                      name(v), name(branch.parent), branch.gbps, machines[m].latency_ns[v]);
    }
    for (std::size_t a = 0; a < tree.devices; ++a)
      for (std::size_t b = 0; b < tree.devices; ++b)
        if (a != b)
          peers +=
              fmt::format("  - {{from: {}, to: {}}}\n", name(tree.device(a)), name(tree.device(b)));
  }
  return devices + nodes + cables + peers;
}

nlohmann::json node_json(const Machine& machine, std::size_t m, std::size_t i) {
  const Work& work = machine.work[i];
  const auto end = [&](std::size_t vertex) {
    return vertex == 0 ? "host" : vertex_name(machine.tree, m, vertex);
  };
  nlohmann::json node{{"name", fmt::format("{}.{}", m, i)}};
  if (work.bytes > 0) {
    node["kind"] = "transfer";
    node["from"] = end(work.from);
    node["to"] = end(work.to);
    node["size_bytes"] = work.bytes;
  } else {
    node["kind"] = "delay";
    node["duration"] = fmt::format("{} ns", work.delay_ns);
  }
  for (const std::size_t before : work.after)
    node["after"].push_back(fmt::format("{}.{}", m, before));
  return node;
}

std::string graph_json(const std::vector<Machine>& machines) {
  nlohmann::json graph{{"rigsim_graph", 1}};
  for (std::size_t m = 0; m < machines.size(); ++m)
    for (std::size_t i = 0; i < machines[m].work.size(); ++i)
      graph["nodes"].push_back(node_json(machines[m], m, i));
  return graph.dump();
}

/// Nothing of rigsim's but the plain data of a network: the tree's cables, and ways by parents.
std::vector<sim::naive::Outcome> solved(const Machine& machine) {
  const Tree& tree = machine.tree;
  sim::Network network;
  for (const topology::testing::Branch& branch : tree.branches)
    for (int direction = 0; direction < 2; ++direction)
      (void)network.add_link(sim::Bandwidth(branch.gbps > 0 ? branch.gbps * 1e9 : 1));
  std::vector<sim::naive::Flow> flows;
  for (const Work& work : machine.work) {
    std::int64_t start_ns = work.delay_ns;
    std::vector<sim::LinkId> links;
    for (const std::size_t link : way(tree, work.from, work.to)) {
      links.push_back(sim::LinkId{static_cast<std::uint32_t>(link)});
      if (work.bytes > 0) start_ns += machine.latency_ns[link / 2];
    }
    flows.push_back({network.add_route(links), work.bytes, start_ns * 1000, work.after});
  }
  return sim::naive::run(network, flows);
}

/// 1e-9 of the instant, or 1 ps for each start and end until then.
void expect_alike(const nlohmann::json& op, std::size_t i,
                  const std::vector<sim::naive::Outcome>& expected) {
  const auto near = [&](const char* key, long double instant) {
    double events = 0;
    for (const sim::naive::Outcome& other : expected)
      events += (other.ready_ps <= instant) + (other.end_ps <= instant);
    const auto expected_s = static_cast<double>(instant) * 1e-12;
    EXPECT_NEAR(op.at(key).get<double>(), expected_s, std::max(1e-9 * expected_s, 1e-12 * events))
        << op.at("name") << ' ' << key;
  };
  near("start_s", expected[i].ready_ps);
  near("end_s", expected[i].end_ps);
}

class RandomTreesThroughTheProgram : public testing::TestWithParam<unsigned> {};

// 60 rigs of 5 trees, 10 to 39 nodes on each.
TEST_P(RandomTreesThroughTheProgram, MoveCopiesAsTheNaiveSolverSays) {
  for (unsigned seed = 10 * GetParam(); seed < 10 * (GetParam() + 1); ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    std::vector<Machine> machines;
    while (machines.size() < kTreesPerRig) machines.push_back(random_machine(random));
    const Folder folder;
    folder.write("rig.yaml", rig_yaml(machines));
    folder.write("graph.json", graph_json(machines));
    const nlohmann::json replay =
        document("replay graph.json --rig rig.yaml --json", {.folder = folder.path()});
    std::size_t at = 0;
    for (const Machine& machine : machines) {
      const auto expected = solved(machine);
      for (std::size_t i = 0; i < machine.work.size(); ++i)
        expect_alike(replay.at("ops").at(at++), i, expected);
    }
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTreesThroughTheProgram, testing::Range(0U, 6U));

}  // namespace
}  // namespace rigsim::cli::test
