#include "topology/nic_reach.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace rigsim::topology {
namespace {

constexpr std::size_t kSocket = std::numeric_limits<std::size_t>::max();

/// From a rank to a NIC.
struct Way {
  std::size_t rank = 0;
  std::size_t nic = 0;
  std::vector<std::pair<std::size_t, sim::Bandwidth>> cables;  ///< by the node below each
  sim::Bandwidth network{};
  sim::Bandwidth alone{};
};

/// What both climb is above where the way turns.
void climb(Way& way, const Climb& steps) {
  for (const ClimbStep& step : steps) {
    const auto both =
        std::ranges::find(way.cables, step.below, [](const auto& c) { return c.first; });
    if (both != way.cables.end()) {
      way.cables.erase(both);
    } else {
      way.cables.emplace_back(step.below, step.cable);
    }
  }
}

bool meet(const Climb& a, const Climb& b) {
  return std::ranges::any_of(a, [&](const ClimbStep& step) {
    return std::ranges::find(b, step.node, &ClimbStep::node) != b.end();
  });
}

Way way_between(const Climb& rank, const NicPort& nic, std::optional<sim::Bandwidth> socket) {
  Way way;
  way.network = nic.network;
  climb(way, rank);
  climb(way, nic.climb);
  if (socket && !meet(rank, nic.climb)) way.cables.emplace_back(kSocket, *socket);
  way.alone = way.network;
  for (const auto& [cable, rate] : way.cables) way.alone = std::min(way.alone, rate);
  return way;
}

/// Every pair of a rank and a NIC, the best first.
std::vector<Way> all_ways(std::span<const Climb* const> ranks, std::span<const NicPort> nics,
                          std::optional<sim::Bandwidth> socket) {
  std::vector<Way> ways;
  for (std::size_t rank = 0; rank < ranks.size(); ++rank)
    for (std::size_t nic = 0; nic < nics.size(); ++nic) {
      ways.push_back(way_between(*ranks[rank], nics[nic], socket));
      ways.back().rank = rank;
      ways.back().nic = nic;
    }
  std::ranges::sort(ways, [](const Way& a, const Way& b) {
    if (a.alone != b.alone) return a.alone > b.alone;
    if (a.cables.size() != b.cables.size()) return a.cables.size() < b.cables.size();
    return std::pair(a.rank, a.nic) < std::pair(b.rank, b.nic);
  });
  return ways;
}

}  // namespace

sim::Bandwidth nic_reach(std::span<const Climb* const> ranks, std::span<const NicPort> nics,
                         std::optional<sim::Bandwidth> socket) {
  std::vector<Way> ways = all_ways(ranks, nics, socket);
  std::vector<bool> sends(ranks.size());
  std::vector<bool> taken(nics.size());
  std::erase_if(ways, [&](const Way& way) {
    if (sends[way.rank] || taken[way.nic]) return true;
    sends[way.rank] = taken[way.nic] = true;
    return false;
  });
  std::map<std::size_t, double> users;
  for (const Way& way : ways)
    for (const auto& [cable, rate] : way.cables) ++users[cable];
  sim::Bandwidth sum{};
  for (const Way& way : ways) {
    sim::Bandwidth least = way.network;
    for (const auto& [cable, rate] : way.cables) least = std::min(least, rate / users[cable]);
    sum += least;
  }
  return sum;
}

}  // namespace rigsim::topology
