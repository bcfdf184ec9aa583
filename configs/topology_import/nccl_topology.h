#pragma once

#include "configs/topology_import/machine_sketch.h"
#include "configs/topology_import/xml_tree.h"

namespace rigsim::configs {

/// The machine of an NCCL topology file (`NCCL_TOPO_DUMP_FILE`, `NCCL_TOPO_FILE`), in NVIDIA's and
/// RCCL's dialects: `root` is its `system`. A GPU is a `pci` with a `gpu` in it or of a GPU's
/// class; a link width of 0 and an empty speed are unknown; NVSwitches are one, as NCCL takes them.
/// NVLinks of a GPU to itself (some published files have them) are taken for bridges between
/// neighbours, with a warning. Throws ConfigError with the line: no GPU, values that are none,
/// several machines.
[[nodiscard]] MachineSketch read_nccl_topology(const ImportFile& file, const XmlElement& root);

}  // namespace rigsim::configs
