#pragma once

#include <optional>
#include <string>

#include "configs/topology_import/machine_sketch.h"
#include "topology/rig.h"

namespace rigsim::configs {

class Catalog;

/// Makes a rig of a sketch: devices of the catalogue, cables with the rates of link_rates.h, peer
/// access as the files say, else by NVLink, xGMI and the drivers' defaults. What is taken for
/// granted goes into the sketch's notes. `device` overrules what the files call the GPUs. Throws
/// std::invalid_argument where nothing says which GPUs they are or the machine cannot be wired.
[[nodiscard]] topology::Rig rig_of(MachineSketch& sketch, const std::string& name,
                                   const std::optional<std::string>& device,
                                   const Catalog& catalog);

}  // namespace rigsim::configs
