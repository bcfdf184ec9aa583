#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <vector>

#include "sim/ids.h"
#include "sim/units.h"

namespace rigsim::sim {

/// A directed link: what enters at one end leaves at the other `latency` later, at most `capacity`.
struct Link {
  Bandwidth capacity;
  Duration latency;
};

/// Directed links and the routes over them, as plain data. Ids count from 0 in the order of adding.
class Network {
 public:
  /// Throws std::invalid_argument unless `capacity` is finite and > 0 and `latency` >= 0.
  LinkId add_link(Bandwidth capacity, Duration latency = Duration::zero());

  /// A way through the network. Its latency is the sum over its links plus `extra_latency`
  /// (software, protocol); a transfer on it never moves faster than `cap`, even on idle links.
  /// Throws std::invalid_argument unless all links exist and differ, `extra_latency` >= 0, `cap` is
  /// finite and > 0 where given, and there is a link or a cap.
  RouteId add_route(std::span<const LinkId> links, Duration extra_latency = Duration::zero(),
                    std::optional<Bandwidth> cap = std::nullopt);
  RouteId add_route(std::initializer_list<LinkId> links, Duration extra_latency = Duration::zero(),
                    std::optional<Bandwidth> cap = std::nullopt) {
    return add_route(std::span<const LinkId>(links.begin(), links.size()), extra_latency, cap);
  }

  [[nodiscard]] std::size_t link_count() const { return links_.size(); }
  [[nodiscard]] std::size_t route_count() const { return routes_.size(); }

  /// These four throw std::out_of_range for an id that this network did not give.
  [[nodiscard]] const Link& link(LinkId id) const { return links_.at(index_of(id)); }
  [[nodiscard]] std::span<const LinkId> links(RouteId id) const;
  [[nodiscard]] Duration latency(RouteId id) const { return routes_.at(index_of(id)).latency; }
  [[nodiscard]] std::optional<Bandwidth> cap(RouteId id) const {
    return routes_.at(index_of(id)).cap;
  }

  /// Bytes held, by capacity.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Route {
    std::uint32_t first_hop;
    std::uint32_t hops;
    Duration latency;
    std::optional<Bandwidth> cap;
  };

  std::vector<Link> links_;
  std::vector<Route> routes_;
  std::vector<LinkId> hops_;  // route after route
};

}  // namespace rigsim::sim
