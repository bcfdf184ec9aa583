#pragma once

#include "configs/topology_import/machine_sketch.h"
#include "topology/link_rates.h"

namespace rigsim::configs {

/// Links between one generation's NVLinks and another's differ: line rate of one link of the
/// device's chip, one direction, and how many the chip has.
struct NvlinkFacts {
  int generation = 0;
  double line_gbps = 0;
  int most_links = 0;
};

/// By the device's chip; a chip that is not known counts as NVLink 3 of 25 GB/s.
[[nodiscard]] NvlinkFacts nvlink_of(const topology::Device& device);

/// What a bundle of links achieves. NVLink: the line rate of its links by the chip, or what the
/// file says, times the share that topology::peer_cable() has for such links.
[[nodiscard]] topology::LinkRate bundle_rate(const topology::Device& device,
                                             const PeerBundle& bundle);

/// Between two sockets.
[[nodiscard]] topology::LinkRate socket_rate();

/// Between a group of root ports (a quadrant) and its socket's memory.
[[nodiscard]] topology::LinkRate on_die_rate();

}  // namespace rigsim::configs
