#pragma once

#include "configs/topology_import/machine_sketch.h"
#include "configs/topology_import/xml_tree.h"

namespace rigsim::configs {

/// The machine of an hwloc XML (`lstopo --of xml`, versions 1 to 3): `root` is its `topology`.
/// Hosts are the NUMA nodes of CPUs, host bridges become root complexes, NVLink and xGMI come from
/// the bandwidth matrices, NVSwitches are one. hwloc gives the current speed of a PCIe link as one
/// number; generation and lanes are those that come to it. A file without GPUs gives a sketch
/// without GPUs. Throws ConfigError with the line: a bandwidth matrix of another size than it says.
[[nodiscard]] MachineSketch read_hwloc_topology(const ImportFile& file, const XmlElement& root);

}  // namespace rigsim::configs
