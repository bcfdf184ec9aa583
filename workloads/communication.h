#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "sim/ids.h"
#include "sim/units.h"
#include "topology/collective.h"
#include "topology/collective_model.h"
#include "topology/network.h"
#include "workloads/deployment.h"

namespace rigsim::workloads {

/// What one collective costs, and how well that is known.
struct CollectivePrice {
  sim::Duration time{};
  sim::Duration
      launch{};  ///< of it: the kernel's start, or all of an eager call that the host holds
  Evidence evidence = Evidence::kDatasheet;
  topology::Algorithm algorithm = topology::Algorithm::kRing;  ///< that the library chose
};

/// What collectives cost on one rig as the engine's library runs them, alone on their links: vLLM's
/// own all-reduce where it has one, else NCCL (topology::cost_alone).
class CollectivePrices {
 public:
  /// Rig, network and profile must outlive this. `profile`: null where nothing is known of
  /// collectives. `scale`: a kernel's start and an eager call's floor are divided by its launch,
  /// hops by its link_latency, what more bytes take by its link_bandwidth.
  CollectivePrices(const topology::Rig& rig, const topology::RigNetwork& network,
                   const EngineProfile& engine, const topology::CollectiveProfile* profile,
                   const ResourceScale& scale);

  [[nodiscard]] topology::CollectiveLibrary library() const { return library_; }

  /// None without a profile. Throws as topology::CollectiveModel::cost.
  [[nodiscard]] std::optional<CollectivePrice> price(const topology::CollectiveRequest& request,
                                                     topology::LaunchMode launch);

 private:
  using Key = std::tuple<topology::CollectiveKind, topology::LaunchMode, std::int64_t,
                         std::vector<std::uint32_t>>;

  [[nodiscard]] CollectivePrice scaled(const topology::CollectiveRequest& request,
                                       topology::LaunchMode launch) const;

  const topology::RigNetwork& network_;
  topology::CollectiveLibrary library_;
  std::optional<topology::CollectiveModel> model_;
  ResourceScale scale_;
  std::map<Key, CollectivePrice> known_;
};

/// How the groups of a deployment talk: what a collective costs alone, and whether other groups use
/// the same links at the same time.
class Communication {
 public:
  /// `deployment` must outlive this.
  explicit Communication(const Deployment& deployment);

  [[nodiscard]] CollectivePrices& prices() { return prices_; }

  /// Whether a link between neighbours of this group also joins neighbours of a group that works at
  /// the same time: of another replica, or of another stage where several batches are in flight.
  [[nodiscard]] bool contended(const std::vector<std::uint32_t>& devices) const;

 private:
  const Deployment& d_;
  CollectivePrices prices_;
  std::set<sim::LinkId> shared_;  ///< links between neighbours of two groups or more
};

/// What the slowest of the copies takes that send ring_bytes() from each rank to the next, alone.
[[nodiscard]] sim::Duration slowest_ring_copy(const topology::RigNetwork& network,
                                              const topology::CollectiveRequest& request);

/// Bytes that every rank sends to the next in a ring that does `request` (chunked: 2 (n - 1) / n of
/// an all-reduce's buffer, (n - 1) / n of a reduce-scatter's or all-gather's), or the whole message
/// of the others.
[[nodiscard]] sim::Bytes ring_bytes(const topology::CollectiveRequest& request);

}  // namespace rigsim::workloads
