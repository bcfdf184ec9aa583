#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "sim/units.h"
#include "topology/collective.h"
#include "topology/collective_ops.h"
#include "topology/network.h"
#include "topology/rig.h"

namespace rigsim::analysis {

/// How a collective of a replay runs.
struct CollectivePlan {
  sim::Duration alone{};  ///< its time when nothing else moves
  topology::Algorithm algorithm = topology::Algorithm::kRing;
  topology::Granularity granularity = topology::Granularity::kStepwise;
  topology::CollectiveOptions options{};
  std::string_view evidence{};
};

/// Chooses and prices the collectives of one rig. Without an algorithm of the user's: a ring, and
/// direct exchange for what has no ring. Alone means message by message on the rig's links.
class CollectivePlanner {
 public:
  /// Both must outlive this.
  CollectivePlanner(const topology::Rig& rig, const topology::RigNetwork& network)
      : rig_(rig), network_(network) {}

  /// `request` names devices of the rig. Throws std::invalid_argument for an algorithm that does
  /// not do this kind of collective, and devices that no cable joins.
  const CollectivePlan& plan(const topology::CollectiveRequest& request,
                             std::optional<topology::Algorithm> algorithm);

 private:
  using Key = std::tuple<topology::CollectiveKind, std::vector<std::uint32_t>, std::int64_t,
                         std::optional<topology::Algorithm>>;

  [[nodiscard]] CollectivePlan make(const topology::CollectiveRequest& request,
                                    std::optional<topology::Algorithm> algorithm) const;
  [[nodiscard]] std::uint32_t machines(const std::vector<std::uint32_t>& devices) const;
  [[nodiscard]] sim::Duration time_alone(const topology::CollectiveRequest& request,
                                         const CollectivePlan& plan) const;

  const topology::Rig& rig_;
  const topology::RigNetwork& network_;
  std::map<Key, CollectivePlan> plans_;
};

}  // namespace rigsim::analysis
