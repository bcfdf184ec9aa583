#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "sim/units.h"
#include "topology/collective.h"
#include "topology/collective_model.h"
#include "topology/collective_ops.h"
#include "topology/collective_profile.h"
#include "topology/network.h"
#include "topology/rig.h"
#include "workloads/pass_graph.h"

namespace rigsim::analysis {

/// A copy that stands for part of what a library moves in a collective.
struct LibraryFlow {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  sim::Bytes size{};
};

/// What is asked of a collective.
struct CollectiveWish {
  topology::CollectiveRequest request;             ///< of devices of the rig
  std::optional<sim::Duration> duration{};         ///< alone; none: to be priced
  std::optional<topology::Algorithm> algorithm{};  ///< none: the runner chooses
  workloads::CollectiveRunner runner = workloads::CollectiveRunner::kNccl;
  topology::LaunchMode launch = topology::LaunchMode::kGraph;
  bool shares_links = false;  ///< a ring's copies share links with others
};

/// How a collective of a replay runs.
struct CollectivePlan {
  sim::Duration alone{};  ///< its time when nothing else moves
  std::string_view evidence{};
  bool as_flows = false;  ///< else one event
  /// As flows: the algorithm of the user's,
  topology::Algorithm algorithm = topology::Algorithm::kRing;
  topology::Granularity granularity = topology::Granularity::kStepwise;
  topology::CollectiveOptions options{};
  /// or the library's, at once, after what it takes beyond them.
  std::vector<LibraryFlow> flows{};
  sim::Duration beyond{};
};

/// Chooses and prices the collectives of one rig.
///
/// With a duration: that. With an algorithm of the user's: that one on the rig's links, message by
/// message up to 64 ranks and phase by phase beyond. Without: as the runner does it: NCCL
/// (topology/collective_contention.h, cost_alone), vLLM's own where it has one, or llama.cpp's
/// through host memory where both devices hang on a host. Collectives that share links are what
/// workloads::PassOps makes of them: a ring's copies at once, after what is left of their time. As
/// flows otherwise, that is what the ranks of a ring in each machine
/// send, beside it over several machines what each rank sends to its like in the next one, as NCCL
/// uses all NICs; of an all-to-all, to at most 16 others. Where the flows alone would take longer
/// than the library, which moves less (in-switch reduction) or faster than copies, they shrink.
/// So alone it takes the same as an event, unless that is less than the latency of a copy.
class CollectivePlanner {
 public:
  /// Both must outlive this. `as_flows`: plans say how flows go, too.
  CollectivePlanner(const topology::Rig& rig, const topology::RigNetwork& network, bool as_flows)
      : rig_(rig), network_(network), as_flows_(as_flows) {}

  /// Throws std::invalid_argument for an algorithm that does not do this kind of collective, nvls
  /// where no switch reduces, and devices that no cable joins.
  const CollectivePlan& plan(const CollectiveWish& wish);

 private:
  using Key = std::tuple<topology::CollectiveKind, std::vector<std::uint32_t>, std::int64_t,
                         std::optional<sim::Duration>, std::optional<topology::Algorithm>,
                         workloads::CollectiveRunner, topology::LaunchMode, bool>;

  /// NCCL on this rig.
  struct Library {
    explicit Library(const topology::Rig& rig);
    topology::CollectiveProfile profile;
    topology::CollectiveModel model;
  };

  [[nodiscard]] CollectivePlan as_told(const topology::CollectiveRequest& request,
                                       topology::Algorithm algorithm);
  void check_switch_reduces(const std::vector<std::uint32_t>& devices);
  [[nodiscard]] Library& library();
  [[nodiscard]] CollectivePlan as_run(const CollectiveWish& wish);
  void price(CollectivePlan& plan, const CollectiveWish& wish);
  void price_by_library(CollectivePlan& plan, const CollectiveWish& wish);
  void choose_flows(CollectivePlan& plan, const topology::CollectiveRequest& request) const;
  [[nodiscard]] std::uint32_t machines(const std::vector<std::uint32_t>& devices) const;
  [[nodiscard]] sim::Duration time_of(const std::vector<LibraryFlow>& flows) const;

  const topology::Rig& rig_;
  const topology::RigNetwork& network_;
  bool as_flows_;
  std::optional<Library> library_;  // once it is needed
  std::map<Key, CollectivePlan> plans_;
};

}  // namespace rigsim::analysis
