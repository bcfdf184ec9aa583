#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/units.h"
#include "topology/rig.h"
#include "workloads/op_graph_document.h"

namespace rigsim::analysis {

/// What a node's time goes to.
enum class ReplayCause : std::uint8_t { kCompute, kMemory, kTransfer, kCollective, kHost, kDelay };
inline constexpr std::array kReplayCauses{ReplayCause::kCompute,  ReplayCause::kMemory,
                                          ReplayCause::kTransfer, ReplayCause::kCollective,
                                          ReplayCause::kHost,     ReplayCause::kDelay};
/// "compute", "memory", "transfer", "collective", "host", "delay".
[[nodiscard]] std::string_view to_string(ReplayCause cause);

/// What cannot run, by the node of the document that needs it.
class NodeRefused : public std::invalid_argument {
 public:
  NodeRefused(std::uint32_t node, const std::string& message)
      : std::invalid_argument(message), node_(node) {}
  [[nodiscard]] std::uint32_t node() const { return node_; }

 private:
  std::uint32_t node_;
};

struct ReplayOptions {
  /// Collectives as flows on the links, which share them with whatever else moves, after what the
  /// library takes beyond them; else one event each, as long as it takes alone.
  bool contended = false;
};

/// What became of one node of the document.
struct ReplayedNode {
  sim::Time start{};
  sim::Time end{};
  ReplayCause cause = ReplayCause::kCompute;
  std::string_view
      evidence{};  ///< "given" (a duration of the user's), "datasheet", "measured", ...
  bool on_critical_path = false;
  std::optional<std::uint32_t> route{};  ///< of a transfer: index into Replay::routes
};

/// A way that transfers took.
struct ReplayedRoute {
  std::string links;    ///< their names in travel order
  bool staged = false;  ///< through host memory
};

/// A device of the rig. busy + idle is the makespan; exposed + hidden is the time in which the
/// device sent or received: exposed without computing, hidden behind its own compute nodes.
struct ReplayedDevice {
  std::string name;
  sim::Duration compute_bound{};  ///< part of busy; the rest is bound by memory
  sim::Duration busy{};
  sim::Duration idle{};
  sim::Duration exposed{};
  sim::Duration hidden{};
  sim::Duration
      waiting_for_host{};  ///< idle, not communicating, while the host worked or a delay passed
};

/// One direction of a link.
struct ReplayedLink {
  std::string name;
  sim::Bandwidth capacity{};
  double bytes = 0;
  sim::Duration busy{};  ///< with a transfer on it, its latency included
};

/// A document's run on a rig.
struct Replay {
  std::string rig;
  bool contended = false;
  bool priced_elsewhere = false;
  sim::Duration makespan{};
  std::vector<ReplayedNode> nodes;        ///< as in the document
  std::vector<ReplayedDevice> devices;    ///< as in the rig
  std::vector<ReplayedLink> links;        ///< as in the rig's network
  std::vector<ReplayedRoute> routes;      ///< those that some transfer took
  std::vector<std::uint32_t> rig_device;  ///< [document's devices] index into `devices`
  std::string_view evidence{};            ///< the weakest on the critical path, as of a node
  std::array<sim::Duration, kReplayCauses.size()> critical_path{};  ///< by cause; sums to makespan
  /// Communication on the critical path, and the rest of the time in which something communicated.
  sim::Duration exposed{};
  sim::Duration hidden{};
};

/// Whether the document's durations were priced on another rig than this.
[[nodiscard]] bool priced_elsewhere(const workloads::OpGraphDocument& document,
                                    const topology::Rig& rig);

/// Runs `document` on `rig`. Devices go by their names in the rig; "gpu3", "npu3" and "3" also mean
/// the rig's device of that number where none has the name. Compute nodes without a duration take
/// max(FLOPs / peak, bytes / bandwidth) with the datasheet's dense peak of their format.
/// Collectives without an algorithm run as their library runs them, and take what `rigsim
/// collective` says. Where durations were priced on another rig, those of collectives are priced
/// anew, all others stand.
/// Throws NodeRefused for a device the rig does not have, a copy or an algorithm it cannot do, a
/// format the device does not compute in and a node beyond the clock; std::invalid_argument for a
/// document that is not valid and runs beyond 106 days.
[[nodiscard]] Replay replay(const workloads::OpGraphDocument& document, const topology::Rig& rig,
                            const ReplayOptions& options = {});

}  // namespace rigsim::analysis
