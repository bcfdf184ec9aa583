#pragma once

#include <vector>

#include "configs/topology_import/import_text.h"
#include "configs/topology_import/machine_sketch.h"

namespace rigsim::configs {

/// Whether a text has what `rocm-smi --showtopo` prints.
[[nodiscard]] bool looks_like_rocm_smi(const std::vector<TextLine>& lines);

/// The machine that `rocm-smi --showtopo` describes, with what other options of rocm-smi say of the
/// GPUs ("Card series", "PCI Bus", "VRAM Total Memory (B)"): an xGMI link for each pair of type
/// XGMI that is one hop apart, every GPU on a link of its own at the host of its NUMA node. Throws
/// UnreadableInput where a table is cut short or of something else, ConfigError where tables
/// contradict each other.
[[nodiscard]] MachineSketch read_rocm_smi(const ImportFile& file,
                                          const std::vector<TextLine>& lines);

}  // namespace rigsim::configs
