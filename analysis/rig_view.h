#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/units.h"
#include "topology/path_class.h"
#include "topology/rig.h"

namespace rigsim::analysis {

/// One line of a rig's tree: a node and the cable that it hangs on.
struct TreeLine {
  int depth = 0;  ///< 0: a host, or a switch between machines
  topology::NodeId node{};
  std::optional<std::uint32_t> cable;  ///< index into Rig::cables; none at depth 0
};

/// How one device copies to another.
struct PairView {
  topology::PairPath path;
  bool staged = false;           ///< through host memory
  sim::Bandwidth bandwidth{};    ///< of a copy alone
  sim::Duration latency{};       ///< of a copy of no size
  std::vector<std::string> via;  ///< links in travel order
};

/// A rig, arranged for reading. Of a rig with many devices only the first machines are shown, as
/// many as stay within `most_devices` (at least one device).
struct RigView {
  std::vector<topology::NodeId> nodes;     ///< shown, in the rig's order
  std::vector<std::uint32_t> devices;      ///< shown
  std::vector<TreeLine> tree;              ///< hosts and what hangs below, depth first
  std::vector<std::uint32_t> side_cables;  ///< cables outside the tree: peers, sockets, networks
  std::vector<std::optional<PairView>> pairs;  ///< [devices x devices], row = from; none: no copy
  bool complete = true;                        ///< all devices are shown

  [[nodiscard]] const std::optional<PairView>& pair(std::size_t from, std::size_t to) const {
    return pairs[from * devices.size() + to];
  }
};

/// Throws std::invalid_argument when the rig is not valid (rig_check.h).
[[nodiscard]] RigView view_of(const topology::Rig& rig, std::size_t most_devices);

}  // namespace rigsim::analysis
