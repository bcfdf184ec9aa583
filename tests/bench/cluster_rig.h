#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "tests/bench/compare.h"
#include "tests/topology/devices.h"
#include "topology/cluster.h"
#include "topology/network.h"

namespace rigsim::bench {

/// Machines of 8 H100 SXM with NVSwitches inside and a 400 Gbit/s NIC per GPU, on a fat tree of
/// switches with 64 ports, as the rig "4096x8xh100-sxm" has it.
struct ClusterRig {
  static constexpr std::uint32_t kPerMachine = 8;

  topology::RigNetwork network;
  double build_s = 0;  ///< of the rig and of its network
};

/// Built once. `oversubscription` of the leaf switches.
inline const ClusterRig& cluster_rig(std::uint32_t gpus, double oversubscription) {
  static std::map<std::pair<std::uint32_t, double>, ClusterRig> built;
  const auto known = built.find({gpus, oversubscription});
  if (known != built.end()) return known->second;
  const double seconds = seconds_of([&] {
    const topology::Rig rig = topology::build_cluster(
        topology::testing::rig_of(ClusterRig::kPerMachine, topology::testing::h100_sxm()),
        gpus / ClusterRig::kPerMachine, {.oversubscription = oversubscription});
    built.try_emplace({gpus, oversubscription}, topology::RigNetwork(rig), 0.0);
  });
  ClusterRig& rig = built.at({gpus, oversubscription});
  rig.build_s = seconds;
  return rig;
}

}  // namespace rigsim::bench
