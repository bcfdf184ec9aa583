#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "sim/units.h"
#include "topology/device.h"
#include "topology/rig.h"

namespace rigsim::topology {

/// What one direction of one cable achieves, measured on real machines rather than taken from the
/// line rate.
struct LinkRate {
  std::string type;  ///< for people: "pcie4x16", "nvlink3x4"
  sim::Bandwidth per_direction{};
  sim::Duration latency{};  ///< one way, from one end of this cable to the other
  CableKind kind = CableKind::kPcie;
};

/// A PCIe link of `generation` and `lanes`. Bandwidth goes with the lanes; latency does not.
/// Throws std::invalid_argument unless generation is 1 to 6 and lanes one of 1, 2, 4, 8, 16.
[[nodiscard]] LinkRate pcie_link(int generation, int lanes);

/// The link between a device and what it is plugged into, by its own generation and lanes.
/// Throws std::invalid_argument as the above, naming the device.
[[nodiscard]] LinkRate host_cable(const Device& device);

/// The cable a device has to its peers: one bridge (NVLink pair), its port into the NVSwitch, or
/// one xGMI link to one peer. Chips without a measurement of their own get the kind's cautious
/// share of the line rate. Throws std::invalid_argument when the device has no such link or states
/// no bandwidth for it.
[[nodiscard]] LinkRate peer_cable(const Device& device);

/// A device-to-device copy that the driver stages through host memory, because the pair has no peer
/// access.
struct StagedCopyRate {
  sim::Duration fixed_cost{};  ///< of one small copy, end to end
  sim::Bandwidth one_way{};    ///< a single copy, nothing else moving
  sim::Bandwidth
      both_ways{};  ///< sum of what one device sends and receives by such copies at the same time
};

/// Staged copies out of or into `device` by its PCIe generation, lanes and form.
/// Throws std::invalid_argument as host_cable() does.
[[nodiscard]] StagedCopyRate staged_copy(const Device& device);

/// The link between two sockets, by the CPUs that stand there: "amd-genoa", "amd-turin",
/// "intel-broadwell", "intel-skylake", "intel-sapphire-rapids", "intel-emerald-rapids".
/// Throws std::invalid_argument for another name, listing these.
[[nodiscard]] LinkRate socket_cable(std::string_view cpus);

/// What a group of root ports (a quadrant) can move to and from host memory.
[[nodiscard]] LinkRate root_complex_to_memory();

/// The line rate per direction of the NIC that is sold for machines with such devices, by their
/// PCIe generation. Throws std::invalid_argument for a device off PCIe.
[[nodiscard]] sim::Bandwidth nic_rate(const Device& device);

/// A NIC's cable to its switch. `line_rate` per direction; `latency` is that from NIC to NIC
/// through one switch, of which each cable has half; none: NCCL's figure. Throws
/// std::invalid_argument unless the rate is finite and > 0 and the latency >= 0.
[[nodiscard]] LinkRate network_cable(sim::Bandwidth line_rate,
                                     std::optional<sim::Duration> latency = {});

/// Between two switches: `cables` of those of NICs side by side, as one.
[[nodiscard]] LinkRate switch_cable(const LinkRate& nic_cable, double cables);

}  // namespace rigsim::topology
