#include "topology/copy_routes.h"

#include <fmt/format.h>

#include <limits>
#include <stdexcept>

namespace rigsim::topology {
namespace {

/// The nearest host of the device at the other end.
constexpr std::uint64_t kHost = std::numeric_limits<std::uint64_t>::max();

}  // namespace

CopyRoutes::CopyRoutes(const RigNetwork& network, sim::OpGraphBuilder& builder)
    : network_(network), builder_(builder) {
  if (builder.network().link_count() < network.network().link_count())
    throw std::invalid_argument(
        fmt::format("copy routes: the op graph's network has {} links, the rig's has {}",
                    builder.network().link_count(), network.network().link_count()));
}

template <class Find>
const CopyRoute& CopyRoutes::known(Key key, const Find& find) {
  const auto found = routes_.find(key);
  if (found != routes_.end()) return found->second;
  CopyRoute copy{{}, find()};
  copy.route = builder_.add_route(copy.path.links, copy.path.extra_latency, copy.path.cap);
  return routes_.emplace(key, std::move(copy)).first->second;
}

const CopyRoute& CopyRoutes::between(std::uint32_t from, std::uint32_t to) {
  return known({from, to}, [&] { return network_.route(from, to); });
}

const CopyRoute& CopyRoutes::host_to_device(std::uint32_t device) {
  return known({kHost, device}, [&] { return network_.host_to_device(device); });
}

const CopyRoute& CopyRoutes::device_to_host(std::uint32_t device) {
  return known({device, kHost}, [&] { return network_.device_to_host(device); });
}

}  // namespace rigsim::topology
