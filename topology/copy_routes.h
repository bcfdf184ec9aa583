#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "sim/op_graph.h"
#include "topology/network.h"

namespace rigsim::topology {

/// A copy that an op graph can use: `sim::Transfer{copy.route, size}`.
struct CopyRoute {
  sim::RouteId route{};  ///< of the builder's network
  CopyPath path;
};

/// The copies of a rig on one op graph: each becomes a route of the builder's network when it is
/// first asked for, and stays the same afterwards.
///
///     sim::OpGraphBuilder builder(network.network());
///     topology::CopyRoutes copies(network, builder);
///     builder.add(sim::Transfer{copies.between(0, 1).route, size});
class CopyRoutes {
 public:
  /// `builder` was made with network.network(); both must outlive this. Throws
  /// std::invalid_argument for a builder with other links.
  CopyRoutes(const RigNetwork& network, sim::OpGraphBuilder& builder);
  CopyRoutes(const CopyRoutes&) = delete;  // a copy of its owner has another builder
  CopyRoutes& operator=(const CopyRoutes&) = delete;

  /// Throw as RigNetwork::route, host_to_device and device_to_host do. The references stay valid.
  const CopyRoute& between(std::uint32_t from, std::uint32_t to);
  const CopyRoute& host_to_device(std::uint32_t device);
  const CopyRoute& device_to_host(std::uint32_t device);

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;  ///< places, see copy_routes.cc

  template <class Find>
  const CopyRoute& known(Key key, const Find& find);

  const RigNetwork& network_;
  sim::OpGraphBuilder& builder_;
  std::map<Key, CopyRoute> routes_;
};

}  // namespace rigsim::topology
