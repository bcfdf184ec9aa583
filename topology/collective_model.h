#pragma once

#include <optional>

#include "sim/units.h"
#include "topology/collective.h"
#include "topology/collective_profile.h"
#include "topology/nccl_wiring.h"
#include "topology/rig.h"

namespace rigsim::topology {

/// Which layer spoke.
enum class CollectiveEvidence {
  kMeasured,  ///< a table of this machine, between its points
  kFitted,    ///< six numbers fitted to this kind of machine
  kFamily     ///< numbers of machines with the same kind of link
};

/// "measured", "fitted", "datasheet".
[[nodiscard]] std::string_view to_string(CollectiveEvidence evidence);

/// What a collective costs when nothing else moves.
struct CollectiveCost {
  sim::Duration time{};
  Algorithm algorithm = Algorithm::kRing;
  Protocol protocol = Protocol::kSimple;
  bool measured = false;
  CollectiveEvidence evidence = CollectiveEvidence::kFamily;
  CollectiveLibrary library = CollectiveLibrary::kNccl;  ///< whose kernel runs
  double error_p90 = 0;  ///< the time lies within (1 + this) either way of `time` nine times in ten
};

/// What of a collective no link makes faster or slower.
struct CollectiveStart {
  sim::Duration kernel{};       ///< before a kernel's first hop
  sim::Duration eager_floor{};  ///< no eager call ends sooner
};

/// Prices collectives on one rig as a library would run them: one event each, uncontended.
///
/// LaunchMode::kGraph is the time on the device, as a captured graph or nccl-tests' back-to-back
/// launches give it. LaunchMode::kEager is a launch by a serving engine's Python, which no call
/// finishes sooner than (its floor was measured for vLLM and torch.distributed).
///
/// In this order: a measured table of this device, wiring and number of ranks (the model carries
/// the shape between its points: their ratio to it is interpolated in log size; it holds beyond the
/// ends as fitted evidence); the model with six fitted numbers; the model with its family's
/// numbers.
class CollectiveModel {
 public:
  /// Both must outlive the model.
  CollectiveModel(const Rig& rig, const CollectiveProfile& profile);

  /// By NCCL, which chooses algorithm and protocol unless they are given (its NCCL_ALGO and
  /// NCCL_PROTO). Throws std::invalid_argument: ranks as NcclWiring::graph(), a size that is not
  /// > 0, an algorithm or protocol that NCCL does not have there.
  [[nodiscard]] CollectiveCost cost(const CollectiveRequest& request, LaunchMode launch,
                                    std::optional<Algorithm> algorithm = std::nullopt,
                                    std::optional<Protocol> protocol = std::nullopt) const;

  /// By `library`: vLLM's own all-reduce where it runs, else NCCL.
  [[nodiscard]] CollectiveCost cost(CollectiveLibrary library, const CollectiveRequest& request,
                                    LaunchMode launch) const;

  /// vLLM's custom all-reduce (custom_all_reduce.py, symm_mem.py): 2, 4, 6 or 8 ranks in one
  /// machine, two of them with peer access or all over NVLink, sizes up to the limits of
  /// VllmAllReduce. None where vLLM leaves it to NCCL. Throws as cost().
  [[nodiscard]] std::optional<CollectiveCost> custom_all_reduce(const CollectiveRequest& request,
                                                                LaunchMode launch) const;

  [[nodiscard]] const Rig& rig() const { return *rig_; }

  /// What NCCL finds on these devices; for people and tests.
  [[nodiscard]] NcclGraph graph(const std::vector<std::uint32_t>& devices) const {
    return wiring_.graph(devices);
  }

  /// `cost` as a serving engine's Python would launch it: no sooner than the floor of its machine.
  [[nodiscard]] CollectiveCost launched_eagerly(CollectiveCost cost,
                                                const CollectiveRequest& request) const;

  /// Of NCCL's kernels (whose start is a ring's by LL) or vLLM's own. Throws as cost().
  [[nodiscard]] CollectiveStart start(CollectiveLibrary library,
                                      const CollectiveRequest& request) const;

 private:
  [[nodiscard]] const CollectiveMachine* fitted_machine(const CollectiveRequest& request,
                                                        const NcclGraph& graph) const;
  [[nodiscard]] const CollectiveTable* table(const CollectiveMachine* machine,
                                             const CollectiveRequest& request,
                                             const NcclGraph& graph, CollectiveLibrary library,
                                             LaunchMode launch) const;
  [[nodiscard]] sim::Duration nccl_model(const CollectiveRequest& request, sim::Bytes size,
                                         const NcclGraph& graph, const NcclFit& fit) const;
  [[nodiscard]] const NcclFit& fit_of(const CollectiveMachine* machine,
                                      const NcclGraph& graph) const;
  [[nodiscard]] sim::Duration eager_floor(const CollectiveMachine* machine) const;
  void launch_eagerly(CollectiveCost& cost, const CollectiveMachine* machine) const;

  const Rig* rig_;
  const CollectiveProfile* profile_;
  NcclWiring wiring_;
};

}  // namespace rigsim::topology
