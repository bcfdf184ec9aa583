#pragma once

#include "configs/yaml_reader.h"
#include "configs/yaml_writer.h"
#include "topology/rig.h"

namespace rigsim::configs {

/// Reads `nodes`, `cables` and `peer_access` into a rig whose devices and their names are there
/// already. Devices stand at nodes of their names; `nodes` need list only the others.
/// Throws ConfigError with the place: unknown names, a cable to itself, two alike, a cycle of PCIe
/// cables, a device that reaches no host.
void read_wiring(ObjectReader& entry, topology::Rig& rig);

/// Writes what read_wiring reads.
void write_wiring(YamlWriter& out, const topology::Rig& rig);

}  // namespace rigsim::configs
