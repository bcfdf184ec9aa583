#pragma once

#include <string_view>
#include <vector>

#include "workloads/machine_change.h"

namespace rigsim::configs {

/// Reads a change as it is said on a command line: "nvlink", "p2p=on", "p2p=off", "pcie=5",
/// "lanes=8", "link=inf", or a factor of a resource, "compute=x2": compute, memory, launch, host,
/// link, link-bandwidth, link-latency. "inf" is a factor of a million. Throws std::invalid_argument
/// for another name (with the nearest) or value, saying what is allowed.
[[nodiscard]] workloads::MachineChange parse_change(std::string_view text);

/// The changes that are worth asking of any machine: nvlink, p2p=on, pcie=5, lanes=8, link=inf,
/// link=x2, memory=x2, compute=x2.
[[nodiscard]] std::vector<workloads::MachineChange> usual_changes();

}  // namespace rigsim::configs
