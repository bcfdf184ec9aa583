#include "sim/network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace rigsim::sim {
namespace {

bool usable_rate(Bandwidth rate) { return rate.count() > 0 && std::isfinite(rate.count()); }

void check_hops(std::size_t route, std::span<const LinkId> links, std::size_t link_count) {
  for (std::size_t hop = 0; hop < links.size(); ++hop) {
    const LinkId link = links[hop];
    if (index_of(link) >= link_count) {
      throw std::invalid_argument(fmt::format("route {}: link {} does not exist, there are {}",
                                              route, index_of(link), link_count));
    }
    if (std::ranges::find(links.first(hop), link) !=
        links.begin() + static_cast<std::ptrdiff_t>(hop)) {
      throw std::invalid_argument(fmt::format(
          "route {}: crosses link {} twice, at most once is allowed", route, index_of(link)));
    }
  }
}

}  // namespace

LinkId Network::add_link(Bandwidth capacity, Duration latency) {
  const std::size_t id = links_.size();
  if (!usable_rate(capacity)) {
    throw std::invalid_argument(fmt::format(
        "link {}: capacity must be > 0 B/s and finite, got {} B/s", id, capacity.count()));
  }
  if (latency < Duration::zero()) {
    throw std::invalid_argument(
        fmt::format("link {}: latency must be >= 0 ps, got {} ps", id, latency.count()));
  }
  links_.push_back({capacity, latency});
  return LinkId{static_cast<std::uint32_t>(id)};
}

RouteId Network::add_route(std::span<const LinkId> links, Duration extra_latency,
                           std::optional<Bandwidth> cap) {
  const std::size_t id = routes_.size();
  check_hops(id, links, links_.size());
  if (extra_latency < Duration::zero()) {
    throw std::invalid_argument(fmt::format("route {}: extra latency must be >= 0 ps, got {} ps",
                                            id, extra_latency.count()));
  }
  if (cap && !usable_rate(*cap)) {
    throw std::invalid_argument(
        fmt::format("route {}: cap must be > 0 B/s and finite, got {} B/s", id, cap->count()));
  }
  if (links.empty() && !cap) {
    throw std::invalid_argument(
        fmt::format("route {}: has neither a link nor a cap, its rate would be unlimited", id));
  }
  Duration latency = extra_latency;
  for (const LinkId link : links) latency += links_[index_of(link)].latency;
  routes_.push_back({static_cast<std::uint32_t>(hops_.size()),
                     static_cast<std::uint32_t>(links.size()), latency, cap});
  hops_.insert(hops_.end(), links.begin(), links.end());
  return RouteId{static_cast<std::uint32_t>(id)};
}

std::span<const LinkId> Network::links(RouteId id) const {
  const Route& route = routes_.at(index_of(id));
  return std::span(hops_).subspan(route.first_hop, route.hops);
}

std::size_t Network::memory_bytes() const {
  return links_.capacity() * sizeof(Link) + routes_.capacity() * sizeof(Route) +
         hops_.capacity() * sizeof(LinkId);
}

}  // namespace rigsim::sim
