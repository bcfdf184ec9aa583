#pragma once

#include <string>
#include <string_view>

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

/// The CPUs of a machine as topology::socket_cable() names them, by what `/proc/cpuinfo` and CPUID
/// say of one: its vendor ("GenuineIntel", "AuthenticAMD"), family and model. What has no name
/// there gets that of the nearest of its vendor; unknown vendors "amd-genoa".
[[nodiscard]] std::string socket_cpus(std::string_view vendor, int family, int model);

}  // namespace rigsim::configs
