#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/network.h"
#include "topology/rig.h"
#include "topology/route.h"

namespace rigsim::topology {

/// How one copy travels: a route of the simulated network, and what it costs when nothing else
/// moves.
struct CopyPath {
  sim::RouteId route{};
  bool staged = false;           ///< through host memory, because the pair has no peer access
  std::vector<std::string> via;  ///< names of the links in travel order
  sim::Duration
      fixed_cost{};  ///< of a copy of no size. The route carries it as latency: do not add it again
  sim::Bandwidth uncontended{};  ///< then the bytes move at this rate

  /// fixed_cost + size / uncontended: what the simulation gives for this copy alone.
  [[nodiscard]] sim::Duration time(sim::Bytes size) const;
};

/// A rig as the engine sees it: two directed links per cable, one more per device for what it sends
/// and receives by staged copies (they share its copy engines), and a route per pair of devices and
/// per device and host.
///
/// A staged copy is one transfer over the way up to the host and down again at once (the driver
/// pipelines chunks through pinned memory), with the rate cap and fixed cost of staged_copy() in
/// link_rates.h.
class RigNetwork {
 public:
  /// Throws std::invalid_argument when the rig is not valid (rig_check.h).
  explicit RigNetwork(const Rig& rig);

  [[nodiscard]] const sim::Network& network() const { return network_; }

  /// From one device's memory to another's. Throws std::invalid_argument for the same device twice,
  /// an unknown one, or devices that no cable joins.
  [[nodiscard]] const CopyPath& route(std::uint32_t from, std::uint32_t to) const;

  /// Whether a cable joins the device to a host. Not so for Apple SoCs and CPUs: their memory is
  /// the host's.
  [[nodiscard]] bool has_host_link(std::uint32_t device) const;

  /// Pinned copies. Throw std::invalid_argument for an unknown device or one without a host link.
  [[nodiscard]] const CopyPath& host_to_device(std::uint32_t device) const;
  [[nodiscard]] const CopyPath& device_to_host(std::uint32_t device) const;

  /// For traces: "gpu0>host0 pcie4x16", "gpu0 staging".
  [[nodiscard]] std::string_view name(sim::LinkId link) const;
  [[nodiscard]] std::span<const std::string> link_names() const { return names_; }

 private:
  struct Plan;  ///< a path before it becomes a route

  void add_links(const Rig& rig);
  void add_paths(const Rig& rig, const RouteTable& routes);
  [[nodiscard]] sim::LinkId add_link(std::string name, sim::Bandwidth capacity,
                                     sim::Duration latency);
  void append(Plan& plan, const std::vector<Hop>& hops) const;
  [[nodiscard]] Plan peer_plan(const Rig& rig, const RouteTable& routes, std::uint32_t from,
                               std::uint32_t to) const;
  [[nodiscard]] Plan staged_plan(const Rig& rig, const RouteTable& routes, std::uint32_t from,
                                 std::uint32_t to) const;
  [[nodiscard]] CopyPath add_path(const Plan& plan);
  void check_device(std::uint32_t device) const;

  sim::Network network_;
  std::vector<std::string> device_names_;
  std::vector<std::string> names_;                  ///< by LinkId
  std::vector<sim::LinkId> staging_;                ///< by device; empty without cables
  std::vector<std::optional<CopyPath>> peers_;      ///< [from x to], row = from
  std::vector<std::optional<CopyPath>> from_host_;  ///< by device
  std::vector<std::optional<CopyPath>> to_host_;    ///< by device
};

}  // namespace rigsim::topology
