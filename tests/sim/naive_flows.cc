#include "tests/sim/naive_flows.h"

#include <algorithm>
#include <limits>

namespace rigsim::sim::naive {
namespace {

constexpr long double kInfinity = std::numeric_limits<long double>::infinity();

bool crosses(const Network& network, RouteId route, std::uint32_t link) {
  const auto links = network.links(route);
  return std::ranges::find(links, LinkId{link}) != links.end();
}

// The level at which `link` fills when the flows without a rate yet rise together.
long double fill_level(const Network& network, const std::vector<RouteId>& routes,
                       const std::vector<long double>& rate, std::uint32_t link) {
  long double left = network.link(LinkId{link}).capacity.count();
  int rising = 0;
  for (std::size_t flow = 0; flow < routes.size(); ++flow) {
    if (!crosses(network, routes[flow], link)) continue;
    if (rate[flow] < 0) {
      ++rising;
    } else {
      left -= rate[flow];
    }
  }
  return rising > 0 ? left / rising : kInfinity;
}

}  // namespace

std::vector<long double> rates(const Network& network, const std::vector<RouteId>& routes) {
  std::vector<long double> rate(routes.size(), -1);  // negative: still rising
  while (true) {
    long double level = kInfinity;
    std::uint32_t full = 0;
    for (std::uint32_t link = 0; link < network.link_count(); ++link) {
      const long double at = fill_level(network, routes, rate, link);
      if (at < level) {
        level = at;
        full = link;
      }
    }
    std::size_t capped = routes.size();
    for (std::size_t flow = 0; flow < routes.size(); ++flow) {
      const auto cap = network.cap(routes[flow]);
      if (rate[flow] >= 0 || !cap || cap->count() > level) continue;
      level = cap->count();
      capped = flow;
    }
    if (level == kInfinity) return rate;
    if (capped < routes.size()) {
      rate[capped] = level;
      continue;
    }
    for (std::size_t flow = 0; flow < routes.size(); ++flow) {
      if (rate[flow] < 0 && crosses(network, routes[flow], full)) rate[flow] = level;
    }
  }
}

namespace {

/// Sets when flows start that wait for nothing anymore.
void release(const std::vector<Flow>& flows, std::vector<Outcome>& outcome) {
  for (std::size_t i = 0; i < flows.size(); ++i) {
    if (outcome[i].start_ps < kInfinity) continue;
    long double ready = 0;
    for (const std::size_t before : flows[i].after) ready = std::max(ready, outcome[before].end_ps);
    if (ready == kInfinity) continue;
    outcome[i].ready_ps = ready;
    outcome[i].start_ps = ready + static_cast<long double>(flows[i].start_ps);
  }
}

}  // namespace

std::vector<Outcome> run(const Network& network, const std::vector<Flow>& flows) {
  // Instants closer than this are one: far below a picosecond, far above the rounding of a long
  // double here.
  constexpr long double kSamePs = 1e-4L;
  std::vector<Outcome> outcome(flows.size(), {kInfinity, kInfinity, kInfinity, 0});
  std::vector<long double> left(flows.size());
  for (std::size_t i = 0; i < flows.size(); ++i) left[i] = static_cast<long double>(flows[i].bytes);
  long double now = -kInfinity;
  while (true) {
    release(flows, outcome);
    std::vector<std::size_t> moving;
    std::vector<RouteId> routes;
    long double next = kInfinity;
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (outcome[i].end_ps < kInfinity) continue;
      if (outcome[i].start_ps > now || flows[i].bytes == 0) {
        next = std::min(next, std::max(now, outcome[i].start_ps));
      } else {
        moving.push_back(i);
        routes.push_back(flows[i].route);
      }
    }
    if (moving.empty() && next == kInfinity) return outcome;
    const std::vector<long double> rate = rates(network, routes);
    std::vector<long double> end(moving.size());
    for (std::size_t m = 0; m < moving.size(); ++m) {
      end[m] = now + left[moving[m]] / rate[m] * 1e12L;
      next = std::min(next, end[m]);
    }
    int events = 0;
    for (const Outcome& flow : outcome) events += flow.start_ps == next;
    for (std::size_t m = 0; m < moving.size(); ++m) {
      left[moving[m]] -= rate[m] * (next - now) * 1e-12L;
      if (end[m] - next > kSamePs) continue;
      outcome[moving[m]].end_ps = end[m];
      ++events;
    }
    for (const std::size_t flow : moving) outcome[flow].events += events;
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (outcome[i].start_ps != next) continue;
      outcome[i].events += events;
      if (flows[i].bytes == 0) outcome[i].end_ps = next;
    }
    now = next;
  }
}

}  // namespace rigsim::sim::naive
