#pragma once

#include <cstdint>
#include <type_traits>

namespace rigsim::sim {

/// Names an op of an op graph: the number of `OpGraphBuilder::add` calls before its own.
enum class OpId : std::uint32_t {};

/// Names an exclusive resource of an op graph.
enum class ResourceId : std::uint32_t {};

/// Names a directed link of a network.
enum class LinkId : std::uint32_t {};

/// Names a route of a network.
enum class RouteId : std::uint32_t {};

/// Names a flow that is moving through a network; free for reuse once the flow has finished.
enum class FlowId : std::uint32_t {};

/// The position that a typed id stands for.
template <class Id>
  requires std::is_enum_v<Id>
[[nodiscard]] constexpr std::uint32_t index_of(Id id) {
  return static_cast<std::uint32_t>(id);
}

}  // namespace rigsim::sim
